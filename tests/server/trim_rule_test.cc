#include <gtest/gtest.h>

#include "proxy/server/internal/memory_watch.h"

namespace postern {
namespace {

constexpr size_t kStart = 20 * kMiB;

TEST(TrimRule, LeavesAGrowingCrowdAlone) {
  TrimRule rule;
  rule.trimmed(kStart, 0);
  for (size_t sessions = 0; sessions <= 100'000; sessions += 1'000) {
    EXPECT_FALSE(rule.due(kStart + sessions * 5 * kKiB, sessions)) << sessions;
  }
}

TEST(TrimRule, IsDueWhenACrowdHasGoneAndItsMemoryHasNot) {
  TrimRule rule;
  rule.trimmed(kStart, 0);
  EXPECT_TRUE(rule.due(kStart + 9'500 * 5 * kKiB, 0));
  EXPECT_TRUE(rule.due(kStart + 9'500 * 5 * kKiB, 1'000));
  EXPECT_FALSE(rule.due(kStart + TrimRule::kWorthwhile - 1, 0)) << "not worth the while";
  EXPECT_TRUE(rule.due(kStart + TrimRule::kWorthwhile, 0));
}

TEST(TrimRule, IsDueWhenSessionsOfTheLastTrimHaveGone) {
  TrimRule rule;
  rule.trimmed(kStart + 10'000 * 5 * kKiB, 10'000);
  EXPECT_FALSE(rule.due(kStart + 10'000 * 5 * kKiB, 10'000));
  EXPECT_TRUE(rule.due(kStart + 10'000 * 5 * kKiB, 9'000));
  EXPECT_FALSE(rule.due(kStart + 9'000 * 5 * kKiB, 9'000)) << "it went by itself";
}

TEST(TrimRule, DoesNotTryAgainWhereNothingCameBack) {
  TrimRule rule;
  rule.trimmed(kStart, 0);
  const size_t stuck = kStart + 64 * kMiB;
  EXPECT_TRUE(rule.due(stuck, 0));
  rule.trimmed(stuck, 0);
  EXPECT_FALSE(rule.due(stuck, 0));
  EXPECT_TRUE(rule.due(stuck + TrimRule::kWorthwhile, 0)) << "but for what came later";
}

}  // namespace
}  // namespace postern
