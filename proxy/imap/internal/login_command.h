// Reads a client's LOGIN and AUTHENTICATE by the grammar, and writes a LOGIN as it is sent on. Pure
// functions over one whole command; what they return may be a secret, which the caller must wipe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/imap/login.h"

namespace postern::imap {

// The parts of a LOGIN as they are sent: each but the first waits for the server's "+". `line` is
// the command with its literals and line end, `head` its length up to the end of the name. Empty
// unless the arguments are two strings with one space before each. `user` becomes the first of
// them.
std::vector<std::string> login_parts(std::string_view line, size_t head, std::string& user);

// Whether that LOGIN can be sent on as it is: its arguments are atoms and quoted strings without
// control characters or escapes. `user` is then the first of them.
bool is_plain_login(std::string_view line, size_t head, std::string_view& user);

// The arguments of AUTHENTICATE (RFC 9051 §6.2.2, RFC 4959).
struct SaslStart {
  bool good = false;
  Mechanism mechanism = Mechanism::Other;
  std::string_view response;  // the initial one; empty if there is none
};
SaslStart parse_authenticate(std::string_view arguments);

}  // namespace postern::imap
