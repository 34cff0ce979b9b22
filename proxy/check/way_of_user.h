// `postern check --user`: which backend a user comes to, and by which rule.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace postern {

// `user` as a client gives the name. A line: "anna goes to backend new, by users.map line 2".
Result<std::string> way_of_user(const Config& config, const std::string& user);

}  // namespace postern
