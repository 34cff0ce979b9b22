// The cause of a failed attempt to reach a server or to log in there. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/cause/cause.h"
#include "proxy/imap/login.h"

namespace postern {

// Of any failure on the way to a server: of net, tls, imap or of dialling.
Cause cause_of_failure(const Error& error);

// What else an attempt knows of it.
struct FailureSigns {
  std::string_view protocol = {};     // that the server speaks: BackendPreamble::protocol()
  std::string_view said = {};         // the line that it failed by
  std::optional<uint8_t> alert = {};  // of TLS, from the server
  bool spoke_first = false;           // postern did: TLS or a PROXY header
  bool kept_waiting = false;          // it hung up after a while in which neither side had spoken
};
Cause cause_of_failure(const Error& error, const FailureSigns& signs);

// Of a login that has not succeeded.
Cause cause_of_login(imap::LoginResult result);

}  // namespace postern
