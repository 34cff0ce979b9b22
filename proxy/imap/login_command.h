// LOGIN and AUTHENTICATE of a client, read by the grammar, and as they are sent on. Pure functions
// over one whole command; what they return may be a secret and is for the caller to wipe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/imap/login.h"

namespace postern::imap {

// The parts of a LOGIN as they are sent: each but the first waits for the server's "+". `line` is
// the command with its literals and line end, `head` how long it is up to the end of its name. None
// if its arguments are not two strings with one space before each. `user` becomes the first of
// them.
std::vector<std::string> login_parts(std::string_view line, size_t head, std::string& user);

// Whether that LOGIN goes on as it is: atoms and quoted strings that are no literals, hold no
// control character and need no unquoting. `user` is then the first of them.
bool is_plain_login(std::string_view line, size_t head, std::string_view& user);

// What stands after the word AUTHENTICATE (RFC 9051 §6.2.2, RFC 4959).
struct SaslStart {
  bool good = false;
  Mechanism mechanism = Mechanism::Other;
  std::string_view response;  // the initial one; empty if there is none
};
SaslStart parse_authenticate(std::string_view arguments);

}  // namespace postern::imap
