#include "proxy/admission/refusal_limit.h"

#include "proxy/net/network.h"

namespace postern {

RefusalLimit limit_of(Refusal refusal, const Config& config, size_t listener,
                      const net::Address& client) {
  const Limits& limits = config.limits;
  switch (refusal) {
    case Refusal::LimitSessions:
      return {"limits.sessions", std::to_string(limits.sessions)};
    case Refusal::LimitAddress:
      return {"limits.sessions_per_address", std::to_string(limits.sessions_per_address)};
    case Refusal::LimitListener:
      return {"listeners[].sessions", std::to_string(config.listeners[listener].sessions)};
    case Refusal::LimitRate:
      return {"limits.connections_per_address",
              std::to_string(limits.connections_per_address.max) + " in " +
                  std::to_string(limits.connections_per_address.per_ms / 1000) + "s"};
    case Refusal::LimitMemory:
      return {"limits.memory", std::to_string(limits.memory)};
    case Refusal::Denied:
      return {net::contains(limits.deny, client) ? "limits.deny" : "limits.allow", ""};
    case Refusal::Banned:
      return {"limits.login_failures.max",
              limits.login_failures ? std::to_string(limits.login_failures->max) : ""};
    case Refusal::GaveWay:
      break;  // to whichever limit the newcomer has met
  }
  return {"", ""};
}

}  // namespace postern
