// HealthChecks: the checks of all servers whose backend has `health`, one for the process. One
// thread, that of the loop; what `services` names outlives it.
#pragma once

#include <memory>
#include <vector>

#include "proxy/backend/attempt.h"
#include "proxy/backend/server_check.h"
#include "proxy/pool/pool.h"

namespace postern {

class HealthChecks final {
 public:
  explicit HealthChecks(const DialerServices& services) : services_(services) {}
  ~HealthChecks() { stop(); }
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  // From now on it checks the servers of these pools, and no other.
  void follow(std::vector<std::shared_ptr<Pool>> pools);
  void stop() { follow({}); }

 private:
  // So that a start or a reload does not check all servers at once.
  static constexpr uint64_t kApartMs = 50;

  const DialerServices services_;
  std::vector<std::shared_ptr<Pool>> pools_;
  std::vector<std::unique_ptr<ServerCheck>> checks_;
};

}  // namespace postern
