#include "proxy/server/internal/status_history.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

std::vector<FailureBook::Group> failed(uint64_t count) {
  return {{.cause = Cause::LoginFailed, .backend = 1, .count = count, .first_s = 1, .last_s = 1}};
}

TEST(StatusHistory, CountsWhatIsNewAtEachLook) {
  StatusHistory history;
  history.look(10, failed(3));
  history.look(20, failed(5));
  ASSERT_EQ(history.samples().size(), 2U);
  EXPECT_EQ(history.samples()[0].failures, 3U);
  EXPECT_EQ(history.samples()[1].sessions, 20U);
  EXPECT_EQ(history.samples()[1].failures, 2U);
}

TEST(StatusHistory, KnowsTheLastHour) {
  StatusHistory history;
  EXPECT_EQ(history.last_hour(failed(7)[0]), 7U) << "before the first look";
  history.look(0, failed(7));
  EXPECT_EQ(history.last_hour(failed(7)[0]), 7U)
      << "those before the first look are of the hour, too";
  for (uint64_t minute = 1; minute <= 180; ++minute) {
    history.look(0, failed(minute));
  }
  const uint64_t hour = history.last_hour(failed(180)[0]);
  EXPECT_GE(hour, 55U);
  EXPECT_LE(hour, 60U);
}

TEST(StatusHistory, IsBounded) {
  StatusHistory history;
  for (uint64_t i = 0; i < 10'000; ++i) {
    history.look(i, failed(i));
  }
  EXPECT_EQ(history.samples().size(), StatusHistory::kMost);
  EXPECT_EQ(history.samples().back().sessions, 9'999U);
}

}  // namespace
}  // namespace postern
