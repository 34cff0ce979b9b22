#include "proxy/server/internal/status_history.h"

namespace postern {

void StatusHistory::look(uint64_t sessions, const std::vector<FailureBook::Group>& failures) {
  Counts counts;
  uint64_t all = 0;
  for (const FailureBook::Group& group : failures) {
    counts[{group.cause, group.backend}] = group.count;
    all += group.count;
  }
  samples_.push_back({.sessions = sessions, .failures = all - failures_});
  failures_ = all;
  if (samples_.size() > kMost) {
    samples_.pop_front();
  }
  if (++looks_ % kCountsEvery == 0) {
    counts_.push_back(std::move(counts));
  }
  if (counts_.size() > kCounts) {
    counts_.pop_front();
  }
}

uint64_t StatusHistory::last_hour(const FailureBook::Group& group) const {
  const auto before = counts_.front().find({group.cause, group.backend});
  return before != counts_.front().end() ? group.count - before->second : group.count;
}

}  // namespace postern
