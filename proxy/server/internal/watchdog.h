// Watchdog: whether every worker still turns its loop. It asks each one again and again; while all
// answer, the service manager hears WATCHDOG=1, and /live says so. A worker that hangs stops both.
// Main thread only; the loop, the workers and the notifier outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/process/service_notifier.h"
#include "proxy/server/worker.h"

namespace postern {

class Watchdog final : private net::Deadline {
 public:
  // How often it asks, unless the service manager wants to hear more often.
  static constexpr uint64_t kAskEveryMs = 5'000;
  // No loop is busy for so long with one turn.
  static constexpr uint64_t kPatienceMs = 30'000;

  Watchdog(net::Loop& loop, const std::vector<std::unique_ptr<Worker>>& workers,
           const ServiceNotifier& notifier);
  void start() { ask(); }
  bool steady() const { return loop_.now_ms() - answered_at_ms_ < kPatienceMs; }

 private:
  void ask();
  void on_deadline() override;

  net::Loop& loop_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  const ServiceNotifier& notifier_;
  // Of the round that was asked last. Shared with what waits in the workers' mailboxes.
  std::shared_ptr<std::atomic<size_t>> open_;
  uint64_t answered_at_ms_;
};

}  // namespace postern
