// Pool: the IMAP servers that sessions are forwarded to, as one worker sees them. It says in which
// order to try its servers for a client. All workers share what is known of their health. One
// worker's thread. A session holds a ServerSlot in the server it uses, which must not outlive the
// pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metrics/counters.h"
#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "proxy/pool/dns_cache.h"
#include "proxy/pool/server_health.h"
#include "tls/context.h"

namespace postern {

struct BackendServer {
  ServerConfig config;
  std::string text;  // for logs: "mail1.internal:143"
  size_t label = 0;  // the server's index in its metric label
  std::shared_ptr<ServerHealth> health;
  bool refused_identity = false;  // the log has said so
  DnsCache addresses;

  // The addresses that are known, in their order, with what is known of each.
  const std::vector<Endpoint>& endpoints();
  // How many of them, at the front, are of the family that the resolver prefers: they are equals.
  size_t equals() const { return equals_; }
  bool full() const {
    return config.max_sessions > 0 &&
           health->sessions.load(std::memory_order_relaxed) >= config.max_sessions;
  }
  bool drains() const { return config.drain || health->drained.load(std::memory_order_relaxed); }
  bool rests(uint64_t now_ms);  // all its addresses do
  bool down();                  // likewise

 private:
  std::vector<Endpoint> endpoints_;
  size_t equals_ = 0;
  uint32_t generation_ = 0;  // of the addresses that they are for
};
// For logs: empty for a server that is named by its address.
std::string endpoint_text(const BackendServer& server, const net::Address& address);

class Pool {
 public:
  // `context` is for hops with TLS, else null. The caller registers the labels, on the main thread.
  // `config` must outlive the pool.
  Pool(const BackendConfig& config, std::unique_ptr<tls::ClientContext> context, size_t label,
       const std::vector<size_t>& server_labels, const PoolHealth& health);

  const BackendConfig& config() const { return *config_; }
  const tls::ClientContext* context() const { return context_.get(); }
  size_t label() const { return label_; }
  BackendServer& server(size_t index) { return servers_[index]; }

  // Of each server that has said what it can do; an empty one if none has.
  void append_capabilities(std::vector<std::string>& lists) const;

  // Takes over the addresses of servers with the same name, which are looked up again all the same.
  void take_over(const Pool& former);

  // The address to connect from, each in its turn; not valid if the kernel is to choose.
  net::Address next_source(const net::Address& to);
  // How many addresses there are to connect from to this one.
  size_t sources(const net::Address& to) const;

  // Which of its server's addresses() is the first to try, of equals(): a name may stand for many
  // servers, as that of a headless service in Kubernetes does.
  size_t first_address(BackendServer& server, const net::Address& client);
  // The servers that take sessions, in the order to try them: backups last.
  std::vector<size_t> order(const net::Address& client, uint64_t now_ms);

 private:
  void rank(std::span<size_t> servers, const net::Address& client, uint64_t now_ms);
  bool is_warm(size_t server, const net::Address& client, uint64_t now_ms) const;
  double score(size_t server, const net::Address& client) const;

  const BackendConfig* config_;
  std::unique_ptr<tls::ClientContext> context_;
  size_t label_;
  std::deque<BackendServer> servers_;
  size_t turn_ = 0;
  size_t address_turn_ = 0;
  size_t source_turn_ = 0;
  std::vector<double> scores_;   // of all servers, in one order(): the lowest is tried first
  std::vector<int64_t> shares_;  // what each has coming in its turn, by its weight
};

// A session's slot in a server: counts for balancing and for the server's limit while it exists,
// and once the server has greeted, in the gauge.
class [[nodiscard]] ServerSlot {
 public:
  // Empty if the server is full.
  static ServerSlot acquire(BackendServer& server) {
    ServerSlot slot;
    if (server.health->acquire(server.config.max_sessions)) {
      slot.server_ = &server;
    }
    return slot;
  }
  ServerSlot() = default;
  ServerSlot(ServerSlot&& other) noexcept
      : server_(std::exchange(other.server_, nullptr)), gauge_(std::move(other.gauge_)) {}
  ServerSlot& operator=(ServerSlot&& other) noexcept {
    std::swap(server_, other.server_);
    std::swap(gauge_, other.gauge_);
    return *this;
  }
  ~ServerSlot() {
    if (server_ != nullptr) {
      server_->health->release();
    }
  }
  void show(metrics::Counters& counters) {
    gauge_ = metrics::ScopedGauge(counters.cell<metrics::Metric::BackendSessions>(
        metrics::LabelIndex<metrics::Label::Server>{server_->label}));
  }
  const BackendServer* server() const { return server_; }

 private:
  BackendServer* server_ = nullptr;
  metrics::ScopedGauge gauge_;
};

}  // namespace postern
