#include "proxy/net/loop.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/busy_pool.h"
#include "tests/support/test_loop.h"

namespace postern::net {
namespace {

struct Task final : Deferred {
  explicit Task(std::function<void()> does) : work(std::move(does)) {}
  void run() override { work(); }
  std::function<void()> work;
};

struct Object final : Retirable {
  explicit Object(std::function<void()> says) : on_deleted(std::move(says)) {}
  ~Object() override { on_deleted(); }
  std::function<void()> on_deleted;
};

struct Alarm final : Deadline {
  void on_deadline() override { fired_at_ms = Loop::now_us() / 1000; }
  uint64_t fired_at_ms = 0;
};

TEST(Loop, RunsWhatAnotherThreadPostsInOrder) {
  Loop loop;
  std::vector<int> done;
  const std::thread::id here = std::this_thread::get_id();
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(loop.post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        done.push_back(i);
      }));
    }
    EXPECT_TRUE(loop.post([&] { loop.close_mailbox(); }));
  });
  loop.run();
  other.join();
  ASSERT_EQ(done.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(done));
}

TEST(Loop, RunsWhatWasPostedBeforeItsMailboxClosed) {
  Loop loop;
  bool ran = false;
  EXPECT_TRUE(loop.post([&] { ran = true; }));
  loop.close_mailbox();
  loop.close_mailbox();
  EXPECT_FALSE(loop.post([] { FAIL() << "ran although it was refused"; }));
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, RefusesPostsFromOtherThreadsWhileItCloses) {
  Loop loop;
  size_t ran = 0;
  size_t accepted = 0;
  std::thread other([&] {
    while (loop.post([&] { ++ran; })) {
      ++accepted;
    }
  });
  EXPECT_TRUE(test::run_until(loop, [&] { return ran > 100; }));
  loop.close_mailbox();
  loop.run();
  other.join();
  EXPECT_EQ(ran, accepted);
}

TEST(Loop, DropsPostedWorkIfItNeverRuns) {
  bool ran = false;
  {
    Loop loop;
    loop.post([&] { ran = true; });
  }
  EXPECT_FALSE(ran);
}

TEST(Loop, DeletesRetiredObjectsAtTheEndOfTheTurn) {
  Loop loop;
  bool deleted = false;
  bool deleted_in_callback = true;
  loop.post([&] {
    loop.retire(std::make_unique<Object>([&] { deleted = true; }));
    deleted_in_callback = deleted;
    loop.close_mailbox();
  });
  loop.run();
  EXPECT_FALSE(deleted_in_callback);
  EXPECT_TRUE(deleted);
}

TEST(Loop, DeletesWhatARetiredObjectRetires) {
  Loop loop;
  bool deleted = false;
  loop.retire(std::make_unique<Object>(
      [&] { loop.retire(std::make_unique<Object>([&] { deleted = true; })); }));
  loop.close_mailbox();
  loop.run();
  EXPECT_TRUE(deleted);
}

TEST(Loop, DeletesRetiredObjectsEvenIfItNeverRuns) {
  bool deleted = false;
  {
    Loop loop;
    loop.retire(std::make_unique<Object>([&] { deleted = true; }));
  }
  EXPECT_TRUE(deleted);
}

TEST(Loop, RunsDeferredWorkOnceHoweverOftenItJoined) {
  Loop loop;
  int runs = 0;
  Task task([&] { ++runs; });
  loop.defer(task);
  loop.defer(task);
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_EQ(runs, 1);
}

TEST(Loop, DoesNotSleepWhileDeferredWorkWaits) {
  Loop loop;
  int runs = 0;
  Task task([&] {
    if (++runs < 10) {
      loop.defer(task);
    }
  });
  loop.defer(task);
  const uint64_t begin_us = Loop::now_us();
  EXPECT_TRUE(test::run_until(
      loop, [&] { return runs == 10; }, 5000));
  EXPECT_LT(Loop::now_us() - begin_us, 2'000'000U);
}

TEST(Loop, ForgetsDeferredWorkThatIsDestroyed) {
  Loop loop;
  auto second = std::make_unique<Task>([] { FAIL() << "ran although it was destroyed"; });
  bool ran = false;
  Task first([&] {
    ran = true;
    second.reset();
  });
  loop.defer(first);
  loop.defer(*second);
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_TRUE(ran);
}

TEST(Loop, RunsNoDeferredWorkOfRetiredObjects) {
  struct Both final : Retirable, Deferred {
    void run() override { ADD_FAILURE() << "ran although it was retired"; }
  };
  Loop loop;
  auto both = std::make_unique<Both>();
  loop.defer(*both);
  loop.retire(std::move(both));
  EXPECT_TRUE(test::run_to_end(loop));
}

TEST(Loop, DrivesItsDeadlinesByTheClock) {
  Loop loop;
  Alarm soon, later;
  const uint64_t begin_ms = loop.now_ms();
  later.arm(loop.deadlines(), 80);
  soon.arm(loop.deadlines(), 5);
  EXPECT_TRUE(test::run_until(loop, [&] { return later.fired_at_ms > 0; }));
  EXPECT_GE(soon.fired_at_ms, begin_ms + 5);
  EXPECT_GE(later.fired_at_ms, begin_ms + 80);
  EXPECT_LT(soon.fired_at_ms, later.fired_at_ms);
}

TEST(Loop, ShowsHowLateItIs) {
  struct Lag final : LagObserver {
    void on_lag(uint64_t ms) override { each.push_back(ms); }
    std::vector<uint64_t> each;
  };
  Loop loop;
  Lag lag;
  loop.watch_lag(lag);
  Alarm alarm;
  alarm.arm(loop.deadlines(), 3'600'000);
  ASSERT_TRUE(test::run_until(loop, [&] { return !lag.each.empty(); }));
  const uint64_t free_again_us = Loop::now_us() + 150'000;
  while (Loop::now_us() < free_again_us) {  // a callback that takes long
  }
  const size_t before = lag.each.size();
  ASSERT_TRUE(test::run_until(loop, [&] { return lag.each.size() > before; }));
  EXPECT_GE(lag.each[before], 150U - DeadlineWheel::kTickMs - 1);
}

TEST(Loop, ServesOthersBetweenManyDeadlines) {
  struct Counted final : Deadline {
    void on_deadline() override { ++*fired; }
    size_t* fired = nullptr;
  };
  Loop loop;
  size_t fired = 0;
  std::vector<Counted> crowd(10 * Loop::kDeadlinesPerTurn);
  for (Counted& each : crowd) {
    each.fired = &fired;
    each.arm(loop.deadlines(), 1);
  }
  size_t most_in_a_turn = 0;
  while (fired < crowd.size()) {
    const size_t before = fired;
    ASSERT_TRUE(loop.run_once(1000));
    most_in_a_turn = std::max(most_in_a_turn, fired - before);
  }
  EXPECT_EQ(most_in_a_turn, Loop::kDeadlinesPerTurn);
}

TEST(Loop, EndsAlthoughALookUpIsNotAnswered) {
  Loop loop;
  test::BusyPool busy(loop);
  loop.close_mailbox();
  loop.run();
}

TEST(Loop, EndsAlthoughADeadlineIsArmed) {
  Loop loop;
  Alarm alarm;
  alarm.arm(loop.deadlines(), 3'600'000);
  loop.close_mailbox();
  loop.run();
  EXPECT_TRUE(alarm.armed());
}

TEST(Loop, GoesOnWhileItIsHeld) {
  Loop loop;
  loop.hold();
  loop.hold();
  loop.close_mailbox();
  EXPECT_TRUE(loop.run_once(0));
  loop.release();
  EXPECT_TRUE(loop.run_once(0));
  loop.release();
  EXPECT_FALSE(loop.run_once(0));
}

TEST(Loop, WaitsNoLongerThanAsked) {
  Loop loop;
  const uint64_t begin_us = Loop::now_us();
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_TRUE(loop.run_once(10));
  }
  EXPECT_GE(Loop::now_us() - begin_us, 10'000U);
  EXPECT_LT(Loop::now_us() - begin_us, 2'000'000U);
}

// Under seccomp's filter libuv cannot open it, and tries it with each connection.
TEST(Loop, HasItsReserveOfDescriptorsBeforeTheFirstConnection) {
  Loop loop;
  const auto lowest_free = [] {
    const int descriptor = dup(0);
    close(descriptor);
    return descriptor;
  };
  const int before = lowest_free();
  uv_tcp_t handle;
  ASSERT_EQ(uv_tcp_init(loop.uv(), &handle), 0);
  EXPECT_EQ(lowest_free(), before);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
  loop.run_once(0);
}

}  // namespace
}  // namespace postern::net
