#include "proxy/net/deadline.h"

#include <algorithm>
#include <limits>

#include "proxy/base/check.h"

namespace postern::net {

void Deadline::arm(DeadlineWheel& wheel, uint64_t delay_ms) {
  disarm();
  wheel.add(*this, delay_ms);
}

void Deadline::arm_at(DeadlineWheel& wheel, uint64_t at_ms) {
  const uint64_t now_ms = wheel.driver_.now_ms();
  arm(wheel, at_ms > now_ms ? at_ms - now_ms : 0);
}

void Deadline::disarm() {
  if (armed()) {
    wheel_->remove(*this);
  }
}

Deadline::~Deadline() {
  disarm();
}

DeadlineWheel::DeadlineWheel(Driver& driver) : driver_(driver) {}

void DeadlineWheel::add(Deadline& deadline, uint64_t delay_ms) {
  const uint64_t now_ms = driver_.now_ms();
  const uint64_t now_tick = now_ms / kTickMs;
  if (size_ == 0) {
    tick_ = std::max(tick_, now_tick);  // an empty wheel is not advanced
  }
  // Rounded up, so that it is never early; after now, so that a deadline that re-arms itself with
  // no delay waits for the next tick instead of holding advance() for ever.
  const uint64_t delay_limit = std::numeric_limits<uint64_t>::max() - now_ms - kTickMs;
  const uint64_t due_ms = now_ms + std::min(delay_ms, delay_limit);
  deadline.due_tick_ = std::max((due_ms + kTickMs - 1) / kTickMs, std::max(now_tick, tick_) + 1);
  deadline.wheel_ = this;
  place(deadline);
  if (++size_ == 1) {
    driver_.start_ticking();
  }
}

void DeadlineWheel::remove(Deadline& deadline) {
  check(deadline.wheel_ == this, "a deadline leaves the wheel it is in");
  deadline.unlink();
  if (--size_ == 0) {
    driver_.stop_ticking();
  }
}

// Fired one by one: a callback may disarm or destroy any other that is due in the same tick.
bool DeadlineWheel::advance(uint64_t now_ms, size_t most) {
  const uint64_t target = now_ms / kTickMs;
  for (;;) {
    while (Deadline* deadline = due_.front()) {
      if (most-- == 0) {
        return false;
      }
      remove(*deadline);
      deadline->on_deadline();
    }
    if (tick_ >= target || size_ == 0) {
      break;
    }
    ++tick_;
    cascade();
    slots_[0][tick_ % kSlots].splice_to(due_);
  }
  tick_ = std::max(tick_, target);  // an empty wheel jumps
  return true;
}

// Level n holds the deadlines due within 64^(n+1) ticks, each in the slot that six bits of its due
// tick select. A deadline beyond the last level waits in the farthest slot of that level and is
// placed again from there.
void DeadlineWheel::place(Deadline& deadline) {
  constexpr uint64_t kSpan = uint64_t{1} << (kLevels * kSlotBits);
  const uint64_t ahead = std::min(deadline.due_tick_ - tick_, kSpan - 1);
  size_t level = 0;
  while ((ahead >> ((level + 1) * kSlotBits)) != 0) {
    ++level;
  }
  const uint64_t slot = ((tick_ + ahead) >> (level * kSlotBits)) % kSlots;
  slots_[level][slot].push_back(deadline);
}

// As a level comes full circle, the next slot of the level above is dealt out to the levels below.
void DeadlineWheel::cascade() {
  for (size_t level = 1; level < kLevels; ++level) {
    const size_t shift = level * kSlotBits;
    if (tick_ % (uint64_t{1} << shift) != 0) {
      return;
    }
    IntrusiveList<Deadline> dealt;
    slots_[level][(tick_ >> shift) % kSlots].splice_to(dealt);
    while (Deadline* deadline = dealt.pop_front()) {
      place(*deadline);
    }
  }
}

}  // namespace postern::net
