#include "proxy/net/deadline.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace postern::net {
namespace {

constexpr uint64_t kTick = DeadlineWheel::kTickMs;
constexpr uint64_t kHourMs = 3600 * 1000;

class VirtualClock final : public DeadlineWheel::Driver {
 public:
  void start_ticking() override { ticking = true; }
  void stop_ticking() override { ticking = false; }
  uint64_t now_ms() const override { return now; }

  uint64_t now = 1'000'003;
  bool ticking = false;
};

struct Alarm final : Deadline {
  void on_deadline() override {
    ++fired;
    if (then) {
      then();
    }
  }
  int fired = 0;
  std::function<void()> then;
};

struct DeadlineWheelTest : testing::Test {
  VirtualClock clock;
  DeadlineWheel wheel{clock};

  void pass(uint64_t ms) {
    clock.now += ms;
    wheel.advance(clock.now);
  }
};

TEST_F(DeadlineWheelTest, FiresNeverEarlyAndAtMostOneTickLate) {
  for (const uint64_t delay :
       {uint64_t{0}, uint64_t{1}, kTick - 1, kTick, kTick + 1, 64 * kTick, 64 * kTick - 1,
        4096 * kTick, uint64_t{131'072}, 31 * 60 * uint64_t{1000}}) {
    Alarm alarm;
    alarm.arm(wheel, delay);
    const uint64_t armed_at = clock.now;
    while (alarm.fired == 0) {
      ASSERT_LE(clock.now, armed_at + delay + kTick) << delay;
      pass(1);
    }
    EXPECT_GE(clock.now, armed_at + delay) << delay;
    EXPECT_FALSE(alarm.armed());
  }
}

TEST_F(DeadlineWheelTest, TicksOnlyWhileSomethingIsArmed) {
  Alarm one, two;
  EXPECT_FALSE(clock.ticking);
  one.arm(wheel, 100);
  two.arm(wheel, 100);
  EXPECT_TRUE(clock.ticking);
  one.disarm();
  EXPECT_TRUE(clock.ticking);
  pass(200);
  EXPECT_FALSE(clock.ticking);
  EXPECT_EQ(one.fired, 0);
  EXPECT_EQ(two.fired, 1);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(DeadlineWheelTest, TakesAPointInTimeAndOneThatHasPassed) {
  Alarm alarm;
  alarm.arm_at(wheel, clock.now + 500);
  pass(499);
  EXPECT_EQ(alarm.fired, 0);
  pass(1 + 2 * kTick);
  EXPECT_EQ(alarm.fired, 1);
  alarm.arm_at(wheel, clock.now - 500);
  pass(2 * kTick);
  EXPECT_EQ(alarm.fired, 2);
}

TEST_F(DeadlineWheelTest, MovesADeadlineThatIsArmedAgain) {
  Alarm alarm;
  alarm.arm(wheel, 100);
  pass(60);
  alarm.arm(wheel, 1000);
  EXPECT_EQ(wheel.size(), 1U);
  pass(900);
  EXPECT_EQ(alarm.fired, 0);
  pass(100 + kTick);
  EXPECT_EQ(alarm.fired, 1);
}

TEST_F(DeadlineWheelTest, ForgetsADeadlineThatIsDestroyed) {
  auto alarm = std::make_unique<Alarm>();
  alarm->arm(wheel, 100);
  alarm.reset();
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_FALSE(clock.ticking);
  pass(1000);
}

TEST_F(DeadlineWheelTest, LetsACallbackDestroyOrDisarmOthersOfItsTick) {
  Alarm first, third;
  auto second = std::make_unique<Alarm>();
  first.arm(wheel, 100);
  second->arm(wheel, 100);
  third.arm(wheel, 100);
  first.then = [&] {
    second.reset();
    third.disarm();
  };
  pass(200);
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(third.fired, 0);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(DeadlineWheelTest, LetsACallbackDestroyItsOwnDeadline) {
  auto alarm = std::make_unique<Alarm>();
  bool fired = false;
  alarm->then = [&] {
    fired = true;
    alarm.reset();
  };
  alarm->arm(wheel, 10);
  pass(100);
  EXPECT_TRUE(fired);
}

TEST_F(DeadlineWheelTest, FiresWhatACallbackArmsNotBeforeTheNextTick) {
  clock.now = 64 * kTick;
  Alarm alarm, other;
  alarm.then = [&] { alarm.arm(wheel, 0); };
  alarm.arm(wheel, 0);
  other.arm(wheel, kHourMs);
  pass(10 * kTick);
  EXPECT_EQ(alarm.fired, 1);
  pass(kTick);
  EXPECT_EQ(alarm.fired, 2);
}

TEST_F(DeadlineWheelTest, FiresNoMoreThanAskedForAndTheRestLater) {
  Alarm alarms[5];
  for (Alarm& alarm : alarms) {
    alarm.arm(wheel, 100);
  }
  Alarm later;
  later.arm(wheel, 1000);
  const auto fired = [&] {
    return std::count_if(std::begin(alarms), std::end(alarms),
                         [](auto& a) { return a.fired == 1; });
  };
  clock.now += 200;
  EXPECT_FALSE(wheel.advance(clock.now, 2));
  EXPECT_EQ(fired(), 2);
  alarms[2].disarm();
  Alarm soon;
  soon.arm(wheel, 0);
  EXPECT_TRUE(wheel.advance(clock.now, 2));
  EXPECT_EQ(fired(), 4);
  EXPECT_EQ(soon.fired, 0);
  pass(kTick);
  EXPECT_EQ(soon.fired, 1);
  pass(1000);
  EXPECT_EQ(later.fired, 1);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(DeadlineWheelTest, FiresInSeveralGoesAcrossTicks) {
  Alarm alarms[6];
  for (size_t i = 0; i < std::size(alarms); ++i) {
    alarms[i].arm(wheel, i * kTick);
  }
  clock.now += 10 * kTick;
  int goes = 1;
  while (!wheel.advance(clock.now, 1)) {
    ++goes;
  }
  EXPECT_EQ(goes, 6);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(DeadlineWheelTest, ReachesBeyondItsLastLevel) {
  const uint64_t delay = (uint64_t{1} << 24) * kTick + 12'345;  // more than 149 hours
  Alarm alarm;
  alarm.arm(wheel, delay);
  pass(delay - 1);
  EXPECT_EQ(alarm.fired, 0);
  pass(1 + kTick);
  EXPECT_EQ(alarm.fired, 1);
}

TEST_F(DeadlineWheelTest, HoldsADeadlineThatNeverComes) {
  Alarm alarm;
  alarm.arm(wheel, UINT64_MAX);
  pass(10 * kHourMs);
  EXPECT_EQ(alarm.fired, 0);
  EXPECT_TRUE(alarm.armed());
}

TEST_F(DeadlineWheelTest, JumpsOverTimeThatPassedWhileEmpty) {
  Alarm alarm;
  alarm.arm(wheel, 10);
  pass(100);
  clock.now += uint64_t{100'000} * 365 * 24 * kHourMs;  // tick by tick this would take an hour
  alarm.arm(wheel, 100);
  pass(99);
  EXPECT_EQ(alarm.fired, 1);
  pass(1 + kTick);
  EXPECT_EQ(alarm.fired, 2);
}

TEST_F(DeadlineWheelTest, FiresAllThatCameDueInAJumpOfHoursInOrder) {
  std::vector<Alarm> alarms(300);
  std::vector<size_t> order, expected;
  for (size_t i = 0; i < alarms.size(); ++i) {
    alarms[i].then = [&order, i] { order.push_back(i); };
    expected.push_back(i);
    alarms[i].arm(wheel, i * 60'000);
  }
  pass(6 * kHourMs);
  EXPECT_EQ(order, expected);
}

TEST_F(DeadlineWheelTest, AgreesWithANaiveModel) {
  struct Modelled {
    Alarm alarm;
    uint64_t due = 0;  // 0: not armed
    int fired = 0;
  };
  std::mt19937_64 random(7);
  const auto below = [&](uint64_t n) { return random() % n; };
  std::vector<Modelled> all(500);
  for (int round = 0; round < 20'000; ++round) {
    Modelled& one = all[below(all.size())];
    if (below(4) == 0) {
      one.alarm.disarm();
      one.due = 0;
    } else {
      const uint64_t delay = below(uint64_t{1} << (4 + below(24)));
      one.alarm.arm(wheel, delay);
      one.due = clock.now + delay;
    }
    if (below(8) != 0) {
      continue;
    }
    const uint64_t before = clock.now;
    pass(below(uint64_t{1} << below(19)));
    size_t armed = 0;
    for (Modelled& each : all) {
      // Due a tick ago: must have fired. Not yet due: must not. Between: either.
      if (each.alarm.fired > each.fired) {
        ASSERT_NE(each.due, 0U);
        ASSERT_LE(each.due, clock.now);
        ASSERT_GE(each.due + 2 * kTick, before);
        each.fired = each.alarm.fired;
        each.due = 0;
      } else if (each.due != 0) {
        ASSERT_GT(each.due + kTick, clock.now);
      }
      ASSERT_EQ(each.alarm.armed(), each.due != 0);
      armed += each.due != 0 ? 1 : 0;
    }
    ASSERT_EQ(wheel.size(), armed);
    ASSERT_EQ(clock.ticking, armed > 0);
  }
}

}  // namespace
}  // namespace postern::net
