// What a client inside TLS may not see of a backend's capabilities. Pure functions over one line.
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
// Returns the line without the hidden capabilities, each gone with the one space before it, all
// else byte for byte; nothing if there is none to hide. A code left empty, "[CAPABILITY]", is still
// a valid one.
std::optional<std::string> hide_capabilities(std::string_view line);

// The capabilities in such a line: what stands between "CAPABILITY" and the "]" or line end.
std::string_view capability_list(std::string_view line);

// True if `list`, words apart by spaces, has `capability`.
bool lists_capability(std::string_view list, std::string_view capability);

}  // namespace postern::imap
