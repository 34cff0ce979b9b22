// Backend: the pools of IMAP servers that sessions are forwarded to, as one worker sees them. A
// Pool says in which order to try its servers for a client; a server that has just failed is tried
// last for a while. One worker's thread. Sessions hold a Place in the server they use, which must
// not outlive the pool.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/backend/dns_cache.h"
#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "tls/context.h"

namespace postern {

struct BackendServer {
  net::HostPort host;
  std::string text;  // "mail1.internal:143": in logs
  size_t label = 0;  // the server's index in its metric label
  size_t sessions = 0;
  uint64_t ejected_until_ms = 0;
  bool refused_identity = false;  // and the log has said so
  DnsCache addresses;
};

class Pool {
 public:
  static constexpr uint64_t kEjectionMs = 5'000;

  // `context` is for hops with TLS, else null. The labels are registered by the caller, on the main
  // thread. `config` must outlive the pool.
  Pool(const BackendConfig& config, std::unique_ptr<tls::ClientContext> context, size_t label,
       const std::vector<size_t>& server_labels);

  const BackendConfig& config() const { return *config_; }
  const tls::ClientContext* context() const { return context_.get(); }
  size_t label() const { return label_; }
  BackendServer& server(size_t index) { return servers_[index]; }

  // Takes over what the same names resolved to there; that is asked anew all the same.
  void copy_addresses_from(const Pool& former);

  // All servers, the one to try first in front.
  std::vector<size_t> order(const net::Address& client, uint64_t now_ms);

 private:
  const BackendConfig* config_;
  std::unique_ptr<tls::ClientContext> context_;
  size_t label_;
  std::deque<BackendServer> servers_;
  size_t turn_ = 0;
};

// A session's place in a server: counted for balancing and in the gauge for as long as it lives.
class ServerSlot {
 public:
  ServerSlot() = default;
  ServerSlot(BackendServer& server, metrics::Counters& counters)
      : server_(&server),
        gauge_(counters.cell<metrics::Metric::BackendSessions>(
            metrics::LabelIndex<metrics::Label::Server>{server.label})) {
    server.sessions++;
  }
  ServerSlot(ServerSlot&& other) noexcept
      : server_(std::exchange(other.server_, nullptr)), gauge_(std::move(other.gauge_)) {}
  ServerSlot& operator=(ServerSlot&& other) noexcept {
    std::swap(server_, other.server_);
    std::swap(gauge_, other.gauge_);
    return *this;
  }
  ~ServerSlot() {
    if (server_ != nullptr) {
      server_->sessions--;
    }
  }
  const BackendServer* server() const { return server_; }

 private:
  BackendServer* server_ = nullptr;
  metrics::ScopedGauge gauge_;
};

// What workers learn of servers and is told once for all of them: one slot a server label.
struct BackendFacts {
  std::array<std::atomic<int64_t>, metrics::LabelSets::kGrowingCapacity> certificate_not_after{};
  // It has refused a login so, and the log has said it.
  std::array<std::atomic<bool>, metrics::LabelSets::kGrowingCapacity> wants_privacy{};
};

}  // namespace postern
