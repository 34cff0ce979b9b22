#include "proxy/backend/health_checks.h"

#include <utility>

namespace postern {

void HealthChecks::follow(std::vector<std::shared_ptr<Pool>> pools) {
  for (auto& one : checks_) {
    one->cancel();
  }
  checks_.clear();
  pools_ = std::move(pools);
  for (const auto& pool : pools_) {
    for (size_t i = 0; i < pool->config().servers.size() && pool->config().health; ++i) {
      checks_.push_back(std::make_unique<ServerCheck>(services_, *pool, pool->server(i)));
      checks_.back()->start(checks_.size() * kApartMs);
    }
  }
}

}  // namespace postern
