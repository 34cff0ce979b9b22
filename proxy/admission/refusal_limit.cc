#include "proxy/admission/refusal_limit.h"

#include "proxy/net/descriptors.h"
#include "proxy/net/network.h"

namespace postern {

namespace {

std::string duration_text(uint64_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

}  // namespace

RefusalLimit limit_of(Refusal refusal, const Config& config, size_t possible, size_t listener,
                      const net::Address& client) {
  const Limits& limits = config.limits;
  switch (refusal) {
    case Refusal::LimitSessions:
      return {"limits.sessions", std::to_string(limits.sessions)};
    case Refusal::LimitDescriptors:
      return {"LimitNOFILE", std::to_string(possible) + " sessions", net::kMoreDescriptors};
    case Refusal::LimitAddress:
      return {"limits.sessions_per_address", std::to_string(limits.sessions_per_address)};
    case Refusal::LimitListener:
      return {"listeners[].sessions", std::to_string(config.listeners[listener].sessions)};
    case Refusal::LimitRate:
      return {"limits.connections_per_address",
              std::to_string(limits.connections_per_address.max) + " in " +
                  duration_text(limits.connections_per_address.per_ms)};
    case Refusal::LimitMemory:
      return {"limits.memory", std::to_string(limits.memory)};
    case Refusal::LimitHandshakes:
      return {"limits.handshakes_in_flight", std::to_string(limits.handshakes_in_flight)};
    case Refusal::LimitHandshakesOfAddress:
      return {"limits.handshakes_per_address", std::to_string(limits.handshakes_per_address)};
    case Refusal::Denied:
      return {net::contains(limits.deny, client) ? "limits.deny" : "limits.allow", ""};
    case Refusal::Banned:
      return {"limits.login_failures.max",
              limits.login_failures ? std::to_string(limits.login_failures->max) : ""};
    case Refusal::BannedByHand:
      return {"postern admin ban", ""};
    case Refusal::GaveWay:
      break;  // the newcomer has met a limit, and not this client
  }
  return {"", ""};
}

}  // namespace postern
