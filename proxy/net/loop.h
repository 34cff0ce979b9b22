// Loop: one libuv loop and what its thread shares: the clock, the scratch buffers, deferred work,
// and the deadline wheel. One thread runs it and makes all calls here, except post(), which any
// thread may call. Must outlive every handle, stream and deadline made on it. A process that runs
// loops must ignore SIGPIPE: libuv writes with write(2).
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <uv.h>

#include "proxy/base/bytes.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/net/deadline.h"
#include "proxy/net/memory_budget.h"

namespace postern::net {

// Base of everything that Loop::retire() deletes.
class Retirable : public ListNode<Retirable> {
 public:
  virtual ~Retirable() = default;
};

// A call deferred to the end of the loop's turn. Runs once per defer(), or not at all if it is
// destroyed before. This is how streams keep the second rule of Stream.
class Deferred : public ListNode<Deferred> {
 public:
  virtual void run() = 0;

 protected:
  ~Deferred() = default;
};

// Is shown how late a loop is for its timer: for so long all its streams have waited.
class LagObserver {
 public:
  virtual void on_lag(uint64_t ms) = 0;

 protected:
  ~LagObserver() = default;
};

class Loop final : private DeadlineWheel::Driver {
 public:
  Loop();
  // Every stream and listener must have been closed. Work still waiting in the mailbox is dropped.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Makes libuv start its resolver threads, which all loops share. They inherit the seccomp filter
  // of the calling thread, so call this from a thread that may do whatever they need; otherwise the
  // first look-up starts them. Call it before run().
  void start_helpers();
  // Runs until the mailbox and every stream and listener is closed. An abandoned look-up does not
  // keep it going, but the destructor waits for it.
  void run();
  // Look-ups without an answer yet.
  size_t lookups() const { return lookups_; }
  // Runs one turn, waiting at most `wait_ms` for events; false once nothing is left. For commands
  // that run a loop to one end, and for tests.
  bool run_once(int wait_ms);

  // Queues `work` for the loop's thread and wakes it. Any thread; control plane only.
  // Returns false once the mailbox is closed; the work is then dropped.
  bool post(std::function<void()> work);
  // Closes the mailbox once all work posted before has run. Deadlines alone do not keep run()
  // going.
  void close_mailbox();

  // Deletes `object` at the end of this turn, when none of its callbacks is on the stack.
  void retire(std::unique_ptr<Retirable> object);
  // Runs `work` at the end of this turn; deferring it twice before it runs is the same as once.
  void defer(Deferred& work);

  // Milliseconds of a monotonic clock, as of the start of this turn.
  uint64_t now_ms() const override { return uv_now(&uv_); }
  // Microseconds of the same clock, read now; for durations that become metrics.
  static uint64_t now_us() { return uv_hrtime() / 1000; }

  DeadlineWheel& deadlines() { return deadlines_; }
  // Each tick of the deadlines shows its lag: every DeadlineWheel::kTickMs while one is armed.
  void watch_lag(LagObserver& observer) { lag_observer_ = &observer; }

  // The buffer for a read: one for the loop, since a read's bytes are consumed within its call.
  // Empty if `reader` was the last to read in this turn, so that bulk transfers leave time for the
  // other streams; libuv reports the rest again in the next turn.
  MutableBytes read_scratch(const void* reader) {
    if (std::exchange(reader_, reader) == reader) {
      return {};
    }
    return {read_scratch_.get(), memory().tight() ? kTightScratchBytes : kScratchBytes};
  }
  // The bytes of a read. (Memory may have become short in between.)
  Bytes read_bytes(size_t count) const { return {read_scratch_.get(), count}; }

  // The process's memory budget, which all loops share; without one there is no limit. It must
  // outlive *this.
  void share(MemoryBudget& budget) { memory_ = &budget; }
  MemoryBudget& memory() { return *memory_; }

  // The number from which on descriptors are not for peers (descriptors.h): no stream connects and
  // no listener accepts with one, unless that is of the reserve itself. Without it there is none.
  void reserve_descriptors_from(int number) { peers_end_at_ = number; }
  bool for_peers(int descriptor) const { return descriptor < peers_end_at_; }

  // Streams and listeners count themselves, from creation until closed: libuv alone would let run()
  // return while the last stream is paused.
  void hold();
  void release();
  // Look-ups count themselves, from the request to libuv until its answer.
  void lookup_begun() { ++lookups_; }
  void lookup_ended() { --lookups_; }

  uv_loop_t* uv() { return &uv_; }

  static constexpr size_t kScratchBytes = 64 * kKiB;
  static constexpr size_t kDeadlinesPerTurn = 16;
  static constexpr size_t kTightScratchBytes = 4 * kKiB;  // while memory is short

 private:
  void turn_again();
  void end_turn();
  void run_posted();
  void start_ticking() override;
  void stop_ticking() override;
  void tick_in(uint64_t delay_ms);
  void tick();
  void before_poll();

  uv_loop_t uv_;
  uv_async_t mailbox_;
  uv_prepare_t before_poll_;
  uv_check_t after_poll_;
  uv_idle_t keep_turning_;  // active while deferred work waits, so that poll does not block
  uv_timer_t tick_timer_;   // active while a deadline is armed
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  MemoryBudget own_memory_;
  MemoryBudget* memory_ = &own_memory_;
  int peers_end_at_ = INT_MAX;
  bool mailbox_open_ = true;
  size_t held_ = 0;
  size_t lookups_ = 0;
  IntrusiveList<Retirable> retired_;
  IntrusiveList<Deferred> deferred_;
  DeadlineWheel deadlines_;
  LagObserver* lag_observer_ = nullptr;
  uint64_t tick_due_ms_ = 0;
  bool behind_ = false;  // more deadlines are due than fire in one turn
  std::unique_ptr<uint8_t[]> read_scratch_;
  const void* reader_ = nullptr;  // the last reader of this turn; never dereferenced
};

}  // namespace postern::net
