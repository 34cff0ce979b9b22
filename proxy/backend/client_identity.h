// IdentityPreamble: how a backend learns about the client before the session begins, in the form
// that its configuration asks for. Pure functions over values; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "tls/engine.h"

namespace postern {

struct ClientDescription {
  net::Address address;      // the client's, as limits and logs know it
  net::Address destination;  // the address it connected to
  std::string session_id;    // for the logs of both sides
  tls::ClientFacts tls;
};

struct IdentityPreamble {
  std::string proxy_header;  // before everything else on the connection, TLS included
  std::string id_command;    // after the greeting: "ID (…)", without tag and line end
};

// Whether the backend must expect a PROXY header.
constexpr bool is_header(ClientIdentity way) {
  return way == ClientIdentity::ProxyV1 || way == ClientIdentity::ProxyV2;
}

// `client` must have a valid address, except for ClientIdentity::None, which sends nothing.
IdentityPreamble make_preamble(ClientIdentity way, const ClientDescription& client);

// For a check of the server's health, which has no client: a PROXY header that says so, and
// CAPABILITY in place of ID, unless the way to the server asks for it already.
IdentityPreamble check_preamble(const BackendConfig& backend);

// 16 hexadecimal digits; Dovecot accepts up to 64 characters.
std::string session_id_text(uint64_t id);

}  // namespace postern
