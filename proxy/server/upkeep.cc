#include "proxy/server/upkeep.h"

#include <malloc.h>

#include "proxy/log/log.h"
#include "proxy/server/heap_trim.h"

namespace postern {

namespace {

constexpr uint64_t kWatchMs = 100;   // in which buffers are counted as they grow
constexpr uint64_t kRestMs = 1'000;  // without a limit
constexpr uint64_t kTrimMs = 1'000;

}  // namespace

Upkeep::Upkeep(net::Loop& loop, Admission& admission, metrics::Cell& shortages)
    : loop_(loop), admission_(admission), shortages_(shortages) {
  on_deadline();
}

void Upkeep::on_deadline() {
  admission_.refusals().tell(loop_.now_ms());
  const bool limited = admission_.memory().limit() != 0;
  if (limited || tight_) {
    watch_memory();
  }
  arm(loop_.deadlines(), limited ? kWatchMs : kRestMs);
}

void Upkeep::watch_memory() {
  net::MemoryBudget& memory = admission_.memory();
  memory.sampled(resident_bytes());
  // What was freed stays with the allocator, and in our size, unless it is told to let go.
  if (memory.tight() && loop_.now_ms() >= trimmed_ms_ + kTrimMs) {
    malloc_trim(0);
    trimmed_ms_ = loop_.now_ms();
    memory.sampled(resident_bytes());
  }
  const bool enough = memory.limit() == 0 || memory.used() < memory.limit() / 8 * 5;
  if (tight_ ? !enough : !memory.tight()) {
    return;
  }
  tight_ = !tight_;
  if (tight_) {
    shortages_.add(1);
    log::warn("memory is short, slow clients wait",
              {{"used", memory.used()},
               {"waiting", memory.waiting()},
               {"limit", memory.limit()},
               {"sessions", admission_.sessions()},
               {"advice", "raise limits.memory or lower limits.sessions"}});
  } else {
    log::info("memory is enough again", {{"used", memory.used()}, {"limit", memory.limit()}});
  }
}

}  // namespace postern
