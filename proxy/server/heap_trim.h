// HeapTrim: gives memory back to the system after a burst of sessions. The allocator keeps what is
// freed below what still lives, which after thousands of sessions is most of it; it is asked to let
// go when the process has become larger than its sessions explain, at most every few seconds. On
// the main loop, for a trim takes each arena's lock for some milliseconds; the workers wait only if
// they allocate just then.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/admission/admission.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"

namespace postern {

// What the process occupies; 0 if the system does not tell.
size_t resident_bytes();

// When it is worth it, by figures alone.
class TrimRule {
 public:
  // What a session needs while it idles, generously.
  static constexpr size_t kSessionBytes = 6 * kKiB;
  static constexpr size_t kWorthwhile = 4 * kMiB;

  bool due(size_t resident_bytes, size_t sessions) const;
  // What was left of it. Until the process grows again, or loses sessions, there is no more to get.
  void trimmed(size_t resident_bytes, size_t sessions);

 private:
  size_t resident_bytes_ = 0;
  size_t sessions_ = 0;
};

class HeapTrim final : private net::Deadline {
 public:
  static constexpr uint64_t kEveryMs = 3'000;

  // `loop` and `admission` outlive it.
  HeapTrim(net::Loop& loop, const Admission& admission);

 private:
  void on_deadline() override;

  net::Loop& loop_;
  const Admission& admission_;
  TrimRule rule_;
};

}  // namespace postern
