// Deadline: one point in time by which something must have happened, in a hierarchical wheel shared
// by the whole loop, so that a connection pays two pointers and no uv_timer of its own. Arming and
// disarming are O(1) and allocate nothing. Resolution kTickMs: a deadline never fires early, and at
// most one tick late (plus the time for which other work or earlier deadlines kept the loop busy).
// Loop's thread only. An armed deadline does not keep Loop::run() going; it must not outlive its
// wheel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/intrusive_list.h"

namespace postern::net {

class DeadlineWheel;

class Deadline : public ListNode<Deadline> {
 public:
  // Arms (or moves) the deadline to `delay_ms` from the loop's now.
  void arm(DeadlineWheel& wheel, uint64_t delay_ms);
  // The same at a point of the loop's time, or soon if that has passed.
  void arm_at(DeadlineWheel& wheel, uint64_t at_ms);
  void disarm();
  bool armed() const { return linked(); }

 protected:
  virtual ~Deadline();
  virtual void on_deadline() = 0;  // may re-arm, or destroy the owner of this

 private:
  friend class DeadlineWheel;
  DeadlineWheel* wheel_ = nullptr;
  uint64_t due_tick_ = 0;
};

// The sans-I/O wheel: its caller gives the time, so that tests run on virtual time. A loop drives
// its own wheel with a single uv_timer, which rests while nothing is armed.
class DeadlineWheel {
 public:
  static constexpr uint64_t kTickMs = 32;

  // Notified when the wheel gets its first and loses its last deadline.
  class Driver {
   public:
    virtual void start_ticking() = 0;
    virtual void stop_ticking() = 0;
    virtual uint64_t now_ms() const = 0;

   protected:
    ~Driver() = default;
  };

  explicit DeadlineWheel(Driver& driver);
  // Fires what is due at `now_ms`, but no more than `most`; false if there is more to fire.
  // Deadlines armed meanwhile are not due before the next tick.
  bool advance(uint64_t now_ms, size_t most = SIZE_MAX);
  size_t size() const { return size_; }

 private:
  friend class Deadline;
  static constexpr size_t kLevels = 4;
  static constexpr unsigned kSlotBits = 6;
  static constexpr size_t kSlots = size_t{1} << kSlotBits;  // spans 2 s, 131 s, 2.3 h, 149 h

  void add(Deadline& deadline, uint64_t delay_ms);
  void remove(Deadline& deadline);
  void place(Deadline& deadline);
  void cascade();

  Driver& driver_;
  uint64_t tick_ = 0;  // the last tick whose deadlines were fired, or are being fired
  size_t size_ = 0;
  IntrusiveList<Deadline> slots_[kLevels][kSlots];
  IntrusiveList<Deadline> due_;  // of tick_, not fired yet
};

}  // namespace postern::net
