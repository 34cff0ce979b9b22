#include "proxy/server/internal/drain_schedule.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace postern {
namespace {

using Mode = DrainSchedule::Mode;

TEST(DrainSchedule, SpreadsManyEvenlyOverTwoThirds) {
  const DrainSchedule pace{.limit_ms = 30'000};
  size_t notified = 0;
  size_t most_in_a_second = 0;
  for (uint64_t second = 0; second <= 20; ++second) {
    const size_t due = pace.due(10'000, second * 1'000);
    most_in_a_second = std::max(most_in_a_second, due - notified);
    notified = due;
  }
  EXPECT_EQ(notified, 10'000U);
  EXPECT_LE(most_in_a_second, 501U);
  EXPECT_LT(pace.due(10'000, 19'900), 10'000U);
}

TEST(DrainSchedule, DoesNotKeepAStopWaitingForAFew) {
  const DrainSchedule pace{.limit_ms = 30'000};
  EXPECT_EQ(pace.due(1, 0), 1U);
  EXPECT_EQ(pace.due(50, 500), 50U);
  EXPECT_LT(pace.due(50, 400), 50U);
}

TEST(DrainSchedule, TakesItsTimeWhenAnotherProcessServes) {
  const DrainSchedule pace{.limit_ms = 30'000, .mode = Mode::HandOver};
  EXPECT_EQ(pace.due(2, 0), 0U);
  EXPECT_EQ(pace.due(2, 10'000), 1U);
  EXPECT_EQ(pace.due(2, 20'000), 2U);
}

TEST(DrainSchedule, NotifiesAllAtOnceWithoutTime) {
  for (const Mode mode : {Mode::Shutdown, Mode::HandOver}) {
    EXPECT_EQ((DrainSchedule{.limit_ms = 0, .mode = mode}.due(10'000, 0)), 10'000U);
  }
}

TEST(DrainSchedule, NotifiesAllBeforeItHastens) {
  for (const uint64_t limit_ms : {1U, 2U, 10U, 100U, 30'000U}) {
    const DrainSchedule pace{.limit_ms = limit_ms, .mode = Mode::HandOver};
    EXPECT_EQ(pace.due(7, pace.hasten_ms()), 7U) << limit_ms;
    EXPECT_EQ(pace.due(7, limit_ms), 7U);
    EXPECT_LE(pace.hasten_ms(), limit_ms);
  }
}

}  // namespace
}  // namespace postern
