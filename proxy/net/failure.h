// libuv's failures as an Error: the label is from a fixed set ("connection_refused", "timed_out",
// "connection_reset", "name_not_found", …, "other"), the text is libuv's own. Values; any thread.
#pragma once

#include "proxy/base/error.h"

namespace postern::net {

extern const ErrorDomain kNetDomain;

// `code` is libuv's (negative); `during` a literal.
Error net_error(int code, const char* during);
// Whether this machine has run out of descriptors or memory.
bool is_shortage(const Error& error);
// The peer closed the connection cleanly, but too early.
Error closed_error(const char* during);

}  // namespace postern::net
