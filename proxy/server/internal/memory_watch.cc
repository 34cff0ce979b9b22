#include "proxy/server/internal/memory_watch.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

#include "proxy/log/log.h"

namespace postern {

namespace {

constexpr uint64_t kLimitedMs = 100;  // buffers are counted as they grow, so this is enough
constexpr uint64_t kUnlimitedMs = 1'000;
constexpr uint64_t kTrimMs = 3'000;       // at most one trim in this time
constexpr uint64_t kTightTrimMs = 1'000;  // or in this, while memory is short

}  // namespace

size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) {
    return 0;
  }
  size_t pages = 0;
  const bool read = std::fscanf(file, "%*u %zu", &pages) == 1;
  std::fclose(file);
  return read ? pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

bool TrimRule::due(size_t resident_bytes, size_t sessions) const {
  // Unsigned, so in the order in which nothing falls below zero.
  const size_t explained = resident_bytes_ + sessions * kSessionBytes + kWorthwhile - 1;
  return resident_bytes + sessions_ * kSessionBytes > explained;
}

void TrimRule::trimmed(size_t resident_bytes, size_t sessions) {
  resident_bytes_ = resident_bytes;
  sessions_ = sessions;
}

MemoryWatch::MemoryWatch(net::Loop& loop, Admission& admission, metrics::Cell& shortages)
    : loop_(loop), admission_(admission), shortages_(shortages), trimmed_at_ms_(loop.now_ms()) {
  rule_.trimmed(resident_bytes(), 0);
  on_deadline();
}

void MemoryWatch::on_deadline() {
  net::MemoryBudget& memory = admission_.memory();
  const size_t resident = resident_bytes();
  memory.sampled(resident);
  const uint64_t since_trim_ms = loop_.now_ms() - trimmed_at_ms_;
  if ((memory.tight() && since_trim_ms >= kTightTrimMs) ||
      (since_trim_ms >= kTrimMs && rule_.due(resident, admission_.sessions()))) {
    trim(resident);
  }
  report_shortage();
  arm(loop_.deadlines(), memory.limit() != 0 ? kLimitedMs : kUnlimitedMs);
}

void MemoryWatch::trim(size_t resident) {
  net::MemoryBudget& memory = admission_.memory();
  const uint64_t start_us = net::Loop::now_us();
  const bool was_tight = memory.tight();
  malloc_trim(0);
  const size_t after = resident_bytes();
  memory.sampled(after);
  if (!was_tight) {  // else most of it is what waits for slow clients, and will go
    rule_.trimmed(after, admission_.sessions());
  }
  trimmed_at_ms_ = loop_.now_ms();
  log::debug("heap trimmed", {{"bytes_before", resident},
                              {"bytes_after", after},
                              {"sessions", admission_.sessions()},
                              {"took_us", net::Loop::now_us() - start_us}});
}

void MemoryWatch::report_shortage() {
  const net::MemoryBudget& memory = admission_.memory();
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
