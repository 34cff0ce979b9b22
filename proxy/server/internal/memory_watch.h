// MemoryWatch: holds the process's size against `limits.memory`, and gives memory back to the
// system after a burst of sessions. The allocator keeps what is freed below what still lives, which
// after thousands of sessions is most of it: it is asked to let go while memory is short, and when
// the process has become larger than its sessions explain. On the main loop, for a trim takes each
// arena's lock for some milliseconds; a worker waits only if it allocates at that moment.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metrics/counters.h"
#include "proxy/admission/admission.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"

namespace postern {

// What the process occupies; 0 if the system does not say.
size_t resident_bytes();

// When a trim is worth it, by figures alone.
class TrimRule {
 public:
  // What a session needs while it idles, generously.
  static constexpr size_t kSessionBytes = 6 * kKiB;
  static constexpr size_t kWorthwhile = 4 * kMiB;

  bool due(size_t resident_bytes, size_t sessions) const;
  // What the trim left. Until the process grows again, or loses sessions, there is no more to get.
  void trimmed(size_t resident_bytes, size_t sessions);

 private:
  size_t resident_bytes_ = 0;
  size_t sessions_ = 0;
};

class MemoryWatch final : private net::Deadline {
 public:
  // Counts shortages in `shortages`. All three outlive it.
  MemoryWatch(net::Loop& loop, Admission& admission, metrics::Cell& shortages);

 private:
  void on_deadline() override;
  void report_shortage();
  void trim(size_t resident);

  net::Loop& loop_;
  Admission& admission_;
  metrics::Cell& shortages_;
  TrimRule rule_;
  uint64_t trimmed_at_ms_;
  bool tight_ = false;
};

}  // namespace postern
