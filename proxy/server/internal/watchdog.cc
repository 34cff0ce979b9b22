#include "proxy/server/internal/watchdog.h"

#include <algorithm>

namespace postern {

Watchdog::Watchdog(net::Loop& loop, const std::vector<std::unique_ptr<Worker>>& workers,
                   const ServiceNotifier& notifier)
    : loop_(loop),
      workers_(workers),
      notifier_(notifier),
      open_(std::make_shared<std::atomic<size_t>>(0)),
      answered_at_ms_(loop.now_ms()) {}

void Watchdog::ask() {
  *open_ = workers_.size();
  for (const auto& worker : workers_) {
    // A worker that drains takes nothing more: its end has a deadline of its own.
    if (!worker->ask([open = open_] { --*open; })) {
      --*open_;
    }
  }
  uint64_t wait_ms = kAskEveryMs;
  if (const uint64_t watchdog_ms = notifier_.watchdog_ms(); watchdog_ms > 0) {
    wait_ms = std::min(wait_ms, watchdog_ms / 3);
  }
  arm(loop_.deadlines(), wait_ms);
}

void Watchdog::on_deadline() {
  if (*open_ > 0) {  // some have not answered: wait on, and say nothing
    arm(loop_.deadlines(), net::DeadlineWheel::kTickMs);
    return;
  }
  answered_at_ms_ = loop_.now_ms();
  if (notifier_.watchdog_ms() > 0) {
    notifier_.send("WATCHDOG=1");
  }
  ask();
}

}  // namespace postern
