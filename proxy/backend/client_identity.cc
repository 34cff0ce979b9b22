#include "proxy/backend/client_identity.h"

#include <string_view>

#include <fmt/format.h>

#include "proxy/transport/proxy_protocol.h"

namespace postern {
namespace {

// Version 2's signature, the command LOCAL, no family, and nothing that follows (section 2.2).
constexpr std::string_view kLocalV2{"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16};

// The fields that Dovecot's own proxies send, without x-proxy-ttl, which counts hops between them.
// The client chooses none of these values, so nothing needs escaping.
std::string id_command(const ClientDescription& client) {
  std::string command =
      fmt::format(R"(ID ("x-session-id" "{}" "x-originating-ip" "{}" "x-originating-port" "{}")",
                  client.session_id, client.address.ip_text(), client.address.port());
  if (client.destination.valid()) {
    command += fmt::format(R"( "x-connected-ip" "{}" "x-connected-port" "{}")",
                           client.destination.ip_text(), client.destination.port());
  }
  return command + ")";
}

}  // namespace

IdentityPreamble make_preamble(ClientIdentity way, const ClientDescription& client) {
  switch (way) {
    case ClientIdentity::None:
      return {};
    case ClientIdentity::ProxyV1:
      return {.proxy_header = proxy_header_v1(client.address, client.destination),
              .id_command = {}};
    case ClientIdentity::ProxyV2:
      return {.proxy_header = proxy_header_v2(client.address, client.destination, client.tls,
                                              client.session_id),
              .id_command = {}};
    case ClientIdentity::ImapId:
      return {.proxy_header = {}, .id_command = id_command(client)};
  }
  return {};
}

IdentityPreamble check_preamble(const BackendConfig& backend) {
  IdentityPreamble preamble;
  if (backend.client_identity == ClientIdentity::ProxyV1) {
    preamble.proxy_header = "PROXY UNKNOWN\r\n";
  } else if (backend.client_identity == ClientIdentity::ProxyV2) {
    preamble.proxy_header = kLocalV2;
  }
  if (backend.tls != BackendTls::StartTls) {
    preamble.id_command = "CAPABILITY";
  }
  return preamble;
}

std::string session_id_text(uint64_t id) {
  return fmt::format("{:016x}", id);
}

}  // namespace postern
