// CircuitBreaker: whether an address of a server, or its name, is worth a try. It rests after a
// failure, and longer after each further one. When the rest is over, one dialer tries it, while all
// others still pass it by (a circuit breaker, half open); a success makes it well. Values; one
// worker's thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace postern {

class CircuitBreaker {
 public:
  static constexpr uint64_t kFirstRestMs = 5'000;
  static constexpr uint64_t kLongestRestMs = 40'000;

  bool well() const { return rest_ms_ == 0; }
  bool rests(uint64_t now_ms) const { return now_ms < until_ms_; }
  // True: try it. Who gets that answer after a rest gets it alone, until the next rest is over.
  bool claim(uint64_t now_ms) {
    if (rests(now_ms)) {
      return false;
    }
    if (!well()) {
      rest(now_ms);
    }
    return true;
  }
  // True if it was well until now. Failures of tries that began before a rest do not prolong it.
  bool failed(uint64_t now_ms) {
    const bool was_well = well();
    if (was_well) {
      rest_ms_ = kFirstRestMs;
      rest(now_ms);
    }
    return was_well;
  }
  // True if it was not well until now.
  bool served() {
    const bool was_well = well();
    rest_ms_ = until_ms_ = 0;
    return !was_well;
  }

 private:
  // Up to an eighth shorter, by the clock's own digits: workers do not try all at once.
  void rest(uint64_t now_ms) {
    until_ms_ = now_ms + rest_ms_ - (now_ms * 0x9e3779b97f4a7c15 >> 32) % (rest_ms_ / 8);
    rest_ms_ = std::min(rest_ms_ * 2, kLongestRestMs);
  }

  uint64_t rest_ms_ = 0;  // the next one; 0: it is well
  uint64_t until_ms_ = 0;
};

}  // namespace postern
