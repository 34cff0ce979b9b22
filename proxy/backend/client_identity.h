// IdentityPreamble: what a backend is told of the client before the session begins, in the way that
// its configuration asks for. Pure functions over values; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "tls/engine.h"

namespace postern {

struct ClientDescription {
  net::Address address;      // the client's, as limits and logs know it
  net::Address destination;  // where it connected to
  std::string session_id;    // for the logs of both sides
  tls::ClientFacts tls;
};

struct IdentityPreamble {
  std::string proxy_header;  // in front of all else on the connection, TLS included
  std::string id_command;    // behind the greeting: "ID (…)", without tag and line end
};

// `client` needs a valid address, except for ClientIdentity::None, which says nothing.
IdentityPreamble make_preamble(ClientIdentity way, const ClientDescription& client);

// 16 hexadecimal digits; Dovecot takes up to 64 characters.
std::string session_id_text(uint64_t id);

}  // namespace postern
