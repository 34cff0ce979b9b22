// What a client may say of itself by the ID command (RFC 2971). Servers that trust their proxies
// take the client's address from fields of it; a client's own such fields would be lies that come
// from a trusted place. Pure functions over one command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

// x-originating-*, x-session-*, x-connected-*, x-proxy-*, x-forward*, x-via: what Dovecot, Zimbra
// and webmailers pass on of a client.
bool is_proxys_field(std::string_view name);

struct EditedId {
  std::string arguments;  // with the line end
  unsigned dropped = 0;   // fields
};

// `arguments` is what stands after the word ID, with its line end and the octets of its literals.
// Returns them without the proxy's fields, every string quoted, so that all servers read the same;
// NIL if nothing is left. Besides NIL and a list of pairs, there may be no argument or a name
// without a value, for Dovecot takes both. Nothing if it is anything else.
std::optional<EditedId> edit_id(std::string_view arguments);

}  // namespace postern::imap
