#include "proxy/backend/header_trial.h"

#include <utility>

#include "proxy/backend/backend_labels.h"
#include "proxy/cause/cause.h"
#include "proxy/pool/health_log.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

void note_success(const DialerServices& services, Pool& pool, BackendServer& server,
                  const Endpoint& endpoint) {
  services.counters.count<Metric::BackendConnects>(ServerLabel{server.label}, kConnectSuccess);
  if (server.health->served(*endpoint.breaker, services.loop.now_ms())) {
    log_serves_again(services.facts.changes, pool, server, endpoint.address);
  }
}

HeaderTrial::HeaderTrial(const DialerServices& services, Pool& pool, BackendServer& server,
                         Endpoint endpoint)
    : services_(services), pool_(pool), server_(server), endpoint_(std::move(endpoint)) {}

HeaderTrial::~HeaderTrial() {
  if (!decided_) {
    services_.counters.count<Metric::BackendConnects>(ServerLabel{server_.label}, kConnectSuccess);
  }
}

void HeaderTrial::passed() {
  decided_ = true;
  note_success(services_, pool_, server_, endpoint_);
}

// The session writes the line of the failure itself.
void HeaderTrial::failed(const Error& error) {
  decided_ = true;
  services_.counters.count<Metric::BackendConnects>(
      ServerLabel{server_.label}, services_.labels.index_of<Label::ConnectResult>(error.label()));
  const auto change = endpoint_.breaker->failed(services_.loop.now_ms());
  if (change == CircuitBreaker::Change::Down) {
    log_down(services_.facts.changes, pool_, server_, endpoint_.address, error,
             Cause::BackendProxyHeaderUnexpected);
  }
}

}  // namespace postern
