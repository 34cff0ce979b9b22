// LookupAnswer: what the service that `users.lookup` names has said about a user, and what that
// means. The fields are those of nginx's auth_http, and Auth-Backend. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/lookup/lookup_failure.h"

namespace postern {

struct LookupAnswer {
  unsigned status = 0;          // of HTTP
  std::string verdict = {};     // Auth-Status: "OK", "WAIT", or words about what is wrong
  std::string server = {};      // Auth-Server
  std::string port = {};        // Auth-Port
  std::string backend = {};     // Auth-Backend
  std::string error_code = {};  // Auth-Error-Code: "4…" for a failure that passes
  bool operator==(const LookupAnswer&) const = default;
};

// Where a user is, as far as the service knows. Without an error and without a backend it does not
// know the user.
struct UserPlace {
  std::optional<size_t> backend = {};  // its index in the configuration
  Error error = {};                    // of kLookupDomain
  bool operator==(const UserPlace&) const = default;
};

UserPlace place_of(const LookupAnswer& answer, const std::vector<BackendConfig>& backends);

// What the answer names as the user's server or backend, for the log.
std::string named_by(const LookupAnswer& answer);

}  // namespace postern
