#include "proxy/pool/server_health.h"

#include <algorithm>

namespace postern {
namespace {

// Null if the former configuration has no such server.
std::shared_ptr<ServerHealth> find(const std::string& backend, const net::HostPort& server,
                                   const Config& config, const BackendsHealth& health) {
  for (size_t i = 0; i < config.backends.size(); ++i) {
    if (config.backends[i].name != backend) {
      continue;
    }
    const auto& servers = config.backends[i].servers;
    const auto found = std::ranges::find(servers, server, &ServerConfig::host);
    if (found != servers.end()) {
      return health[i][static_cast<size_t>(found - servers.begin())];
    }
  }
  return nullptr;
}

}  // namespace

std::vector<Endpoint> ServerHealth::learn(const std::vector<net::Address>& addresses) {
  const std::lock_guard lock(mutex_);
  known_ = addresses;
  std::erase_if(endpoints_, [this](const Endpoint& endpoint) {
    return endpoint.breaker.use_count() == 1 &&
           std::find(known_.begin(), known_.end(), endpoint.address) == known_.end();
  });
  std::vector<Endpoint> learnt;
  for (const net::Address& address : known_) {
    learnt.push_back(endpoint_of(address));
  }
  return learnt;
}

const Endpoint& ServerHealth::endpoint_of(const net::Address& address) {
  const auto found =
      std::find_if(endpoints_.begin(), endpoints_.end(),
                   [&address](const Endpoint& endpoint) { return endpoint.address == address; });
  return found != endpoints_.end()
             ? *found
             : endpoints_.emplace_back(Endpoint{address, std::make_shared<CircuitBreaker>()});
}

bool ServerHealth::served(CircuitBreaker& address, uint64_t now_ms) {
  const CircuitBreaker::Change was = address.served(now_ms);
  if (was == CircuitBreaker::Change::Down) {
    back_ms.store(now_ms, std::memory_order_relaxed);
  }
  return was != CircuitBreaker::Change::None;
}

double ServerHealth::warmth(uint64_t slow_start_ms, uint64_t now_ms) const {
  const uint64_t since_ms = back_ms.load(std::memory_order_relaxed);
  if (since_ms == 0 || slow_start_ms == 0 || now_ms >= since_ms + slow_start_ms) {
    return 1;
  }
  const uint64_t elapsed_ms = now_ms - std::min(now_ms, since_ms);  // clocks differ by a turn
  return static_cast<double>(elapsed_ms) / static_cast<double>(slow_start_ms);
}

bool ServerHealth::acquire(size_t max) {
  size_t used = sessions.load(std::memory_order_relaxed);
  while (max == 0 || used < max) {
    if (sessions.compare_exchange_weak(used, used + 1, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void ServerHealth::note_capabilities(std::string_view list) {
  const std::lock_guard lock(mutex_);
  if (capabilities_ != list) {
    capabilities_ = list;
  }
}

std::string ServerHealth::capabilities() const {
  const std::lock_guard lock(mutex_);
  return capabilities_;
}

ServerState ServerHealth::state(const ServerConfig& config) const {
  if (config.drain || drained.load(std::memory_order_relaxed)) {
    return ServerState::Draining;
  }
  const ServerState state = state_of_addresses();
  return config.backup && state == ServerState::Up ? ServerState::Backup : state;
}

ServerState ServerHealth::state_of_addresses() const {
  const std::lock_guard lock(mutex_);
  if (known_.empty()) {
    return name.down() ? ServerState::Down : name.well() ? ServerState::Up : ServerState::Suspect;
  }
  size_t well = 0;
  size_t down = 0;
  for (const Endpoint& endpoint : endpoints_) {
    if (std::find(known_.begin(), known_.end(), endpoint.address) != known_.end()) {
      well += endpoint.breaker->well() ? 1 : 0;
      down += endpoint.breaker->down() ? 1 : 0;
    }
  }
  return well == known_.size()   ? ServerState::Up
         : down == known_.size() ? ServerState::Down
                                 : ServerState::Suspect;
}

std::vector<EndpointState> ServerHealth::endpoint_states() const {
  std::vector<EndpointState> states;
  const std::lock_guard lock(mutex_);
  for (const Endpoint& endpoint : endpoints_) {
    if (std::find(known_.begin(), known_.end(), endpoint.address) != known_.end()) {
      const CircuitBreaker& breaker = *endpoint.breaker;
      const ServerState state = breaker.well()   ? ServerState::Up
                                : breaker.down() ? ServerState::Down
                                                 : ServerState::Suspect;
      states.push_back(
          {.address = endpoint.address, .state = state, .since_ms = breaker.since_ms()});
    }
  }
  return states;
}

BackendsHealth make_health(const Config& config, const Config* former_config,
                           const BackendsHealth* former) {
  BackendsHealth health;
  for (const BackendConfig& backend : config.backends) {
    PoolHealth& pool = health.emplace_back();
    for (const ServerConfig& server : backend.servers) {
      std::shared_ptr<ServerHealth> kept =
          former != nullptr ? find(backend.name, server.host, *former_config, *former) : nullptr;
      pool.push_back(kept != nullptr ? std::move(kept) : std::make_shared<ServerHealth>());
    }
  }
  return health;
}

}  // namespace postern
