// ServerHealth: what the process knows of one server of a pool: how many sessions live on it, and
// which of its addresses have failed. One for all workers, and for all configurations that have the
// server. Any thread. A dialer keeps the breakers of the addresses that it knows, so it takes the
// lock only when a look-up finds other addresses.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "proxy/pool/circuit_breaker.h"

namespace postern {

// None of its addresses has failed (Backup: nor is it needed); one has; all have, again after a
// rest or while others served. Draining: by configuration or by hand, whatever they do.
enum class ServerState : uint8_t { Up, Backup, Suspect, Down, Draining };
inline constexpr Names<ServerState> kServerStateNames{"up", "backup", "suspect", "down",
                                                      "draining"};
constexpr const char* name_of(ServerState state) {
  return kServerStateNames[state];
}

// What is known of one address of a server.
struct Endpoint {
  net::Address address;
  std::shared_ptr<CircuitBreaker> breaker;
};

// How one address of a server is doing: Up, Suspect or Down.
struct EndpointState {
  net::Address address;
  ServerState state;
  uint64_t since_ms;  // by the loops' clock; 0: it is untried
};

class ServerHealth {
 public:
  // Open ones and those on their way, of former configurations as well.
  std::atomic<size_t> sessions = 0;
  CircuitBreaker name;  // whether it resolves
  // It gets no new session, because an operator has said so and not the configuration.
  std::atomic<bool> drained = false;
  // When one of its addresses was back after it was down; 0: never, or long ago.
  std::atomic<uint64_t> back_ms = 0;

  // An address has served. True if it had not been well.
  bool served(CircuitBreaker& address, uint64_t now_ms);
  // The part of its share that it gets, from 0 to 1.
  double warmth(uint64_t slow_start_ms, uint64_t now_ms) const;

  // A look-up has found these addresses. Returns them with what is known of each, and forgets
  // others unless a dialer still uses them.
  std::vector<Endpoint> learn(const std::vector<net::Address>& addresses);
  // What it has said that it can do, "IMAP4rev1 …", as the latest check or session has seen it.
  // Empty if it has not said so yet.
  void note_capabilities(std::string_view list);
  std::string capabilities() const;

  ServerState state(const ServerConfig& config) const;
  std::vector<EndpointState> endpoint_states() const;  // of those that the last look-up has found

  // One more session, unless there are `max` already; 0: no limit.
  bool acquire(size_t max);
  void release() { sessions.fetch_sub(1, std::memory_order_relaxed); }

 private:
  ServerState state_of_addresses() const;
  const Endpoint& endpoint_of(const net::Address& address);

  mutable std::mutex mutex_;
  std::vector<net::Address> known_;  // what the last look-up has found
  std::vector<Endpoint> endpoints_;
  std::string capabilities_;
};

// In the order of the configuration: of its backends, and of their servers.
using PoolHealth = std::vector<std::shared_ptr<ServerHealth>>;
using BackendsHealth = std::vector<PoolHealth>;

// `former` belongs to `former_config`, or both are null. A server with the same name in a backend
// with the same name keeps what is known of it.
BackendsHealth make_health(const Config& config, const Config* former_config,
                           const BackendsHealth* former);

}  // namespace postern
