// StatusHistory: looks at sessions and failures, one a minute, of the last six hours. Bounded. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "proxy/cause/failure_book.h"
#include "proxy/status/record.h"

namespace postern {

class StatusHistory {
 public:
  static constexpr uint64_t kStepS = 60;
  static constexpr size_t kMost = 360;       // looks
  static constexpr size_t kCountsEvery = 5;  // looks: by cause the hour is known to five minutes

  void look(uint64_t sessions, const std::vector<FailureBook::Group>& failures);
  const std::deque<StatusRecord::Sample>& samples() const { return samples_; }
  // How many of `group` came in the last hour.
  uint64_t last_hour(const FailureBook::Group& group) const;

 private:
  static constexpr size_t kCounts = 3'600 / kStepS / kCountsEvery;
  using Counts = std::map<std::pair<Cause, size_t>, uint64_t>;  // by cause and backend

  std::deque<StatusRecord::Sample> samples_;  // the oldest first
  std::deque<Counts> counts_{Counts()};       // likewise; at the start there were none
  size_t looks_ = 0;
  uint64_t failures_ = 0;  // at the last look
};

}  // namespace postern
