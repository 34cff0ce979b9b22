#include "proxy/pool/session_limit.h"

#include <algorithm>

#include "proxy/net/local_address.h"

namespace postern {
namespace {

// The addresses of ours that a server can be reached from.
size_t sources_toward(const BackendConfig& backend, const ServerConfig& server) {
  const auto v6 = static_cast<size_t>(std::ranges::count_if(
      backend.source, [](const net::Address& source) { return source.is_v6(); }));
  const size_t v4 = backend.source.size() - v6;
  const auto literal = net::Address::parse(server.text());
  const size_t fitting = !literal ? std::max(v4, v6) : literal.value().is_v6() ? v6 : v4;
  return std::max<size_t>(fitting, 1);
}

}  // namespace

SessionLimit session_limit(const Config& config, const BackendConfig& backend, size_t local_ports) {
  SessionLimit limit{.sessions = config.limits.sessions, .by = "limits.sessions"};
  size_t by_ports = 0;
  size_t by_servers = 0;
  bool is_bounded = true;
  for (const ServerConfig& server : backend.servers) {
    if (server.drain) {
      continue;
    }
    const size_t ports = local_ports * sources_toward(backend, server);
    limit.per_address = limit.per_address == 0 ? ports : std::min(limit.per_address, ports);
    by_ports += ports;
    by_servers += server.max_sessions;
    is_bounded = is_bounded && server.max_sessions > 0;
  }
  if (local_ports > 0 && by_ports < limit.sessions) {
    limit.sessions = by_ports;
    limit.by = "local ports";
  }
  if (is_bounded && by_servers < limit.sessions) {
    limit.sessions = by_servers;
    limit.by = "max_sessions";
  }
  return limit;
}

std::string describe(const SessionLimit& limit) {
  std::string text =
      "at most " + std::to_string(limit.sessions) + " sessions, by " + std::string(limit.by);
  if (limit.per_address > 0) {
    text += " (" + std::to_string(limit.per_address) + " toward each address of a server)";
  }
  return text;
}

Faults find_foreign_sources(const Config& config) {
  Faults warnings;
  for (const BackendConfig& backend : config.backends) {
    for (const net::Address& source : backend.source) {
      if (!net::is_local(source)) {
        warnings.push_back({"backends." + backend.name + ".source",
                            source.ip_text() + " is no address of this machine, so no session can "
                                               "come from it"});
      }
    }
  }
  return warnings;
}

}  // namespace postern
