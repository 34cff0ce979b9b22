// DrainSchedule: how a drain's time is used. The first two thirds spread the `* BYE`s, so that
// clients do not all come back in the same second; the rest is for those whose commands take long,
// and in its second half the end of any response has to do for the last word. Few sessions need no
// spreading: a stop does not wait for them. A value; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace postern {

struct DrainSchedule {
  enum class Mode : uint8_t {
    Shutdown,  // new clients are turned away: it ends as soon as it can
    HandOver,  // another process serves them already: all the time there is may be used
  };
  // In a Shutdown a worker notifies at least so many sessions a second.
  static constexpr uint64_t kLeastPerSecond = 100;

  uint64_t limit_ms = 0;
  Mode mode = Mode::Shutdown;

  uint64_t hasten_ms() const { return limit_ms * 5 / 6; }
  // How many of `sessions` must have been notified by now.
  size_t due(size_t sessions, uint64_t elapsed_ms) const {
    uint64_t spread_ms = limit_ms * 2 / 3;
    uint64_t first = 0;
    if (mode == Mode::Shutdown) {
      spread_ms = std::min<uint64_t>(spread_ms, sessions * 1000 / kLeastPerSecond);
      first = 1;
    }
    if (elapsed_ms >= spread_ms) {
      return sessions;
    }
    return std::min<size_t>(sessions, first + sessions * elapsed_ms / spread_ms);
  }
};

}  // namespace postern
