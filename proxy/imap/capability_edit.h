// Hides from a client inside TLS the capabilities of a backend that do not hold there. Pure
// functions over one line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

// STARTTLS (RFC 9051 §6.2.1: none inside TLS), LOGINDISABLED (§6.2.3: it concerns the clear hop),
// and SASL mechanisms with channel binding, which cannot hold across a TLS terminator (RFC 5802
// §6).
bool is_hidden_capability(std::string_view capability);

// `line` is "* CAPABILITY …" or a status response with a CAPABILITY code, with its line end.
// This is the text between "CAPABILITY" and the "]" or line end.
std::string_view capability_list(std::string_view line);

// Returns such a line, with that `list` in it, without the hidden capabilities and the one space
// before each, all else byte for byte; nullopt if there is none to hide. A code left empty,
// "[CAPABILITY]", is still valid.
std::optional<std::string> hide_capabilities(std::string_view line, std::string_view list);

// What such a list says of the server.
struct Capabilities {
  bool literal_plus = false;   // it takes non-synchronising literals (RFC 7888)
  bool literal_minus = false;  // it takes short ones
  bool compress = false;
};
Capabilities read_capabilities(std::string_view list);

// True if `list`, words separated by spaces, contains `capability`.
bool lists_capability(std::string_view list, std::string_view capability);

}  // namespace postern::imap
