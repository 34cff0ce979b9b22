// Edits what a client says of itself by the ID command (RFC 2971). Servers that trust their proxies
// take the client's address from fields of it; a client that sends such fields itself would forge
// them through a trusted gateway. Pure functions over one command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

// x-originating-*, x-session-*, x-connected-*, x-proxy-*, x-forward*, x-via: the fields with which
// Dovecot, Zimbra and webmailers describe their client.
bool is_proxys_field(std::string_view name);

struct EditedId {
  std::string arguments;  // with the line end
  unsigned dropped = 0;   // how many fields
};

// `arguments` follows the word ID, with the line end and the octets of literals. Returns them
// without the proxy's fields, every string quoted, so that all servers read the same; NIL if
// nothing is left. Besides NIL and a list of pairs, no argument and a name without a value are
// accepted, as Dovecot does; nullopt for anything else.
std::optional<EditedId> edit_id(std::string_view arguments);

}  // namespace postern::imap
