// CircuitBreaker: whether an address of a server, or its name, is worth a try. It rests after a
// failure, and longer after each further one. When the rest is over, one dialer of all workers
// tries it, while all others still pass it by (a circuit breaker, half open); a success makes it
// well. Any thread: one word, without a lock, and only read while it is well. `now_ms` is any
// loop's clock.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "proxy/base/jitter.h"

namespace postern {

class CircuitBreaker {
 public:
  static constexpr uint64_t kFirstRestMs = 5'000;
  static constexpr uint64_t kLongestRestMs = 40'000;

  // What a failure has changed (nothing; it was well; it had failed before, and is down now), or
  // what a success has ended.
  enum class Change : uint8_t { None, Suspect, Down };

  bool well() const { return load() == kWell; }
  bool down() const { return (load() & kDown) != 0; }
  bool rests(uint64_t now_ms) const { return until_of(load()) > now_ms; }
  // Since when it is what it is; 0: it is untried.
  uint64_t since_ms() const { return since_ms_.load(std::memory_order_relaxed); }
  // True: try it. After a rest one caller alone gets that answer, until the next rest is over.
  bool claim(uint64_t now_ms) {
    uint64_t seen = load();
    if (seen == kWell) {
      return true;
    }
    return until_of(seen) <= now_ms &&
           word_.compare_exchange_strong(seen, next_rest(seen, now_ms), std::memory_order_relaxed);
  }
  // It has failed. Failures of tries that began before a rest do not prolong it.
  Change failed(uint64_t now_ms) { return fail(now_ms, kWell); }
  // Another one was faster, which is a failure only if that happens again after a rest.
  Change overtaken(uint64_t now_ms) { return fail(now_ms, kOneRest); }
  // A row of checks has found it down, whatever was known of it. True if it was not down before.
  bool fell(uint64_t now_ms) {
    uint64_t seen = load();
    while ((seen & kDown) == 0) {
      const uint64_t fallen = (seen == kWell ? next_rest(kWell, now_ms) : seen) | kDown;
      if (word_.compare_exchange_weak(seen, fallen, std::memory_order_relaxed)) {
        note(now_ms);
        return true;
      }
    }
    return false;
  }
  // It has served, and is well. Returns what it was until now.
  Change served(uint64_t now_ms) {
    const uint64_t was = load() == kWell ? kWell : word_.exchange(kWell, std::memory_order_relaxed);
    if (was != kWell || since_ms() == 0) {
      note(now_ms);
    }
    return was == kWell ? Change::None : (was & kDown) != 0 ? Change::Down : Change::Suspect;
  }

 private:
  // The time when the rest ends, whether it has failed again, the number of rests.
  static constexpr uint64_t kWell = 0;
  static constexpr uint64_t kOneRest = 1;
  static constexpr uint64_t kRests = 0b0111;
  static constexpr uint64_t kDown = 0b1000;
  static constexpr unsigned kTimeShift = 4;

  static uint64_t until_of(uint64_t word) { return word >> kTimeShift; }
  // Up to an eighth shorter: processes do not try all at once.
  static uint64_t next_rest(uint64_t word, uint64_t now_ms) {
    const uint64_t rests = word & kRests;
    const uint64_t rest_ms = std::min(kFirstRestMs << rests, kLongestRestMs);
    const uint64_t until_ms = now_ms + rest_ms - jitter(now_ms, rest_ms / 8);
    return until_ms << kTimeShift | (word & kDown) | std::min(rests + 1, kRests);
  }

  uint64_t load() const { return word_.load(std::memory_order_relaxed); }
  Change fail(uint64_t now_ms, uint64_t spared_rests) {
    uint64_t seen = kWell;
    if (word_.compare_exchange_strong(seen, next_rest(kWell, now_ms), std::memory_order_relaxed)) {
      note(now_ms);
      return Change::Suspect;
    }
    const bool goes_down =
        (seen & kDown) == 0 && (seen & kRests) > spared_rests &&
        word_.compare_exchange_strong(seen, seen | kDown, std::memory_order_relaxed);
    if (goes_down) {
      note(now_ms);
    }
    return goes_down ? Change::Down : Change::None;
  }
  void note(uint64_t now_ms) {
    since_ms_.store(std::max<uint64_t>(now_ms, 1), std::memory_order_relaxed);
  }

  std::atomic<uint64_t> word_ = kWell;
  std::atomic<uint64_t> since_ms_ = 0;
};

}  // namespace postern
