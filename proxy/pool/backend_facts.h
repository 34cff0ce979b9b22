// BackendFacts: what all workers share about servers and about what has failed, so that each fact
// is reported once. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "metrics/label_sets.h"
#include "proxy/cause/failure_book.h"
#include "proxy/log/journal.h"

namespace postern {

// Counts what belongs into the log once a minute, however often it happens and in whichever worker.
class MinuteCount {
 public:
  static constexpr uint64_t kMinuteMs = 60'000;

  // One more. Returns how many there are if a line is due, by a loop's clock.
  std::optional<uint64_t> add(uint64_t now_ms, uint64_t at_least = 1) {
    const uint64_t count = count_.fetch_add(1, std::memory_order_relaxed) + 1;
    uint64_t due_ms = due_ms_.load(std::memory_order_relaxed);
    if (count < at_least || now_ms < due_ms ||
        !due_ms_.compare_exchange_strong(due_ms, now_ms + kMinuteMs)) {
      return std::nullopt;
    }
    return count;
  }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  void clear() { count_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_ = 0;
  std::atomic<uint64_t> due_ms_ = 0;
};

// Counts what comes in masses, by the second and in all workers.
class Burst {
 public:
  // One more. Returns how many there are in this second, by a loop's clock; a race of workers at
  // its begin may lose a few.
  uint64_t add(uint64_t now_ms) {
    const uint64_t second = now_ms / 1000;
    if (second_.exchange(second, std::memory_order_relaxed) != second) {
      count_.store(0, std::memory_order_relaxed);
    }
    return count_.fetch_add(1, std::memory_order_relaxed) + 1;
  }

 private:
  std::atomic<uint64_t> second_ = 0;
  std::atomic<uint64_t> count_ = 0;
};

static_assert(FailureBook::kNoBackend == metrics::LabelSets::kOther);

// Each vector has one place for each value of the server label.
struct BackendFacts {
  // So many wrong logins of a server without a right one between them are no people who mistype.
  static constexpr uint64_t kManyInARow = 20;

  explicit BackendFacts(const metrics::LabelSets& labels)
      : certificate_not_after(labels.capacity()),
        certificate_not_before(labels.capacity()),
        wants_privacy(labels.capacity()),
        logs_in_unasked(labels.capacity()),
        unavailable(labels.capacity()),
        full(labels.capacity()),
        header_unexpected(labels.capacity()),
        failed_in_a_row(labels.capacity()),
        answered_late(labels.capacity()),
        lost(labels.capacity()),
        failures(labels.capacity()) {}

  std::vector<std::atomic<int64_t>> certificate_not_after;
  std::vector<std::atomic<int64_t>> certificate_not_before;
  // The server has refused a login for want of TLS, and the log has said so.
  std::vector<std::atomic<bool>> wants_privacy;
  // It greets with PREAUTH, and the log has said so.
  std::vector<std::atomic<bool>> logs_in_unasked;
  // Logins that the server could not serve since the log's last line about them.
  std::vector<MinuteCount> unavailable;
  // Sessions that have passed it by since then because it was full.
  std::vector<MinuteCount> full;
  // Sessions that it has ended because of their PROXY header.
  std::vector<MinuteCount> header_unexpected;
  // Logins that it has refused since the last one that it granted.
  std::vector<MinuteCount> failed_in_a_row;
  // Logins that it has answered after seconds, since the log's last line about them.
  std::vector<MinuteCount> answered_late;
  // Sessions that have lost it.
  std::vector<Burst> lost;
  FailureBook failures;  // of servers and clients
  log::Journal changes;
};

}  // namespace postern
