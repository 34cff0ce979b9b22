// MemoryBudget: how much memory the process may use, and how much of that is left. The resident
// size is sampled from time to time; between samples the budget counts the bytes that wait for slow
// peers as they come and go, so that nothing outruns the samples. Streams whose peers keep up never
// touch it. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace postern::net {

class MemoryBudget {
 public:
  // 0: no limit.
  void set_limit(size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }

  // The process's resident size as the kernel reports it.
  void sampled(size_t resident_bytes) {
    base_.store(static_cast<int64_t>(resident_bytes) - waiting_.load(std::memory_order_relaxed),
                std::memory_order_relaxed);
  }
  // `bytes` more, or if negative fewer, wait for a slow peer.
  void add(int64_t bytes) { waiting_.fetch_add(bytes, std::memory_order_relaxed); }
  // The same for commands that clients have begun and not ended before their login.
  void add_begun(int64_t bytes) {
    begun_.fetch_add(bytes, std::memory_order_relaxed);
    add(bytes);
  }
  // Strangers all together keep no more than that here, with a limit and without.
  static constexpr size_t kMostBegun = 256 * kMiB;
  bool too_much_begun() const {
    return at_least_0(begun_.load(std::memory_order_relaxed)) > kMostBegun;
  }

  size_t waiting() const { return at_least_0(waiting_.load(std::memory_order_relaxed)); }
  size_t used() const {
    return at_least_0(base_.load(std::memory_order_relaxed) +
                      waiting_.load(std::memory_order_relaxed));
  }

  // From three quarters of the limit, nothing is read for a peer that has bytes queued, and reads
  // are small; from seven eighths, no new session is admitted; at the limit, a session that would
  // queue more is ended.
  bool tight() const { return beyond(6); }
  bool full() const { return beyond(7); }
  bool exhausted() const { return beyond(8); }

 private:
  static size_t at_least_0(int64_t bytes) { return bytes > 0 ? static_cast<size_t>(bytes) : 0; }
  bool beyond(size_t eighths) const {
    const size_t limit = limit_.load(std::memory_order_relaxed);
    return limit != 0 && used() >= limit / 8 * eighths;
  }

  std::atomic<size_t> limit_{0};
  std::atomic<int64_t> base_{0};
  std::atomic<int64_t> waiting_{0};
  std::atomic<int64_t> begun_{0};  // part of it
};

}  // namespace postern::net
