// UserName: the form in which users' names are compared to find a user's backend. The server gets
// the name as the client has written it. Pure functions.
//
//   1. Of "user*master", a login of an administrator as a user, the part before the first "*".
//   2. ASCII letters in lower case; other octets as they are.
//   3. A name without "@" gets "@" and the default domain, if there is one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

inline constexpr size_t kMaxUserName = 255;

// Empty if no route can have such a name: it is empty or too long, or has a space or a control
// character in it.
std::string user_name(std::string_view written, std::string_view default_domain);

// Why no login can have the name `written`, as the end of a sentence about a line or a key; null if
// one can. What it finds are slips: `anna:`, `"anna"`, `anna@`.
const char* name_fault(std::string_view written);

// Whether `written` may stand in the configuration: a name without "*", or "*@domain".
bool is_user_pattern(std::string_view written);

}  // namespace postern
