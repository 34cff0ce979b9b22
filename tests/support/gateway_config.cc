#include "tests/support/gateway_config.h"

namespace postern::test {

Config gateway_config(const std::vector<net::HostPort>& servers) {
  Config config;
  const net::Address any_port = net::Address::parse("127.0.0.1:0").value();
  config.listeners = {{.address = any_port, .tls = ListenerTls::Implicit, .text = "implicit"},
                      {.address = any_port, .tls = ListenerTls::StartTls, .text = "starttls"}};
  config.tls.policy = tls::Policy::preset("intermediate").value();
  config.tls.self_signed = true;
  config.backends = {{.name = "pool", .servers = {servers.begin(), servers.end()}, .verify = {}}};
  return config;
}

}  // namespace postern::test
