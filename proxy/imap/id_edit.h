// What a client may say of itself by the ID command (RFC 2971). Servers that trust their proxies
// take the client's address from fields of it; a client's own such fields would be lies that come
// from a trusted place. Pure functions over one command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

// x-originating-*, x-session-*, x-connected-*, x-proxy-*, x-forward*: what Dovecot, Zimbra and
// webmailers pass on of a client.
bool is_proxys_field(std::string_view name);

struct EditedId {
  std::string arguments;  // with the line end
  unsigned dropped = 0;   // fields
};

// `arguments` is what stands behind the word ID, with its line end and non-synchronising literals.
// Without the proxy's fields, all else byte for byte; NIL if nothing is left. Nothing if it is not
// NIL or a list of strings and what they are, for a server might read that in another way than we.
std::optional<EditedId> edit_id(std::string_view arguments);

}  // namespace postern::imap
