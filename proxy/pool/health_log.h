// The lines of the log about the state of a server's address. The caller whose finding has changed
// the state writes the line, so it comes once for the process, and notes it in the journal of
// changes. Any thread.
#pragma once

#include <string>

#include "proxy/base/error.h"
#include "proxy/cause/cause.h"
#include "proxy/log/journal.h"
#include "proxy/net/address.h"
#include "proxy/pool/pool.h"

namespace postern {

// A failure without a connection: its name does not resolve, or another server was faster.
void log_failed(const Pool& pool, const BackendServer& server, const Error& error, Cause cause,
                std::string address = {});
// A warning if no other address of the server serves.
void log_down(log::Journal& changes, const Pool& pool, BackendServer& server,
              const net::Address& address, const Error& error, Cause cause);
void log_serves_again(log::Journal& changes, const Pool& pool, const BackendServer& server,
                      const net::Address& address);

}  // namespace postern
