#include "proxy/lookup/lookup_cache.h"

#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

constexpr uint64_t kTtlMs = 1000;

TEST(LookupCache, KeepsAnAnswerForItsTime) {
  LookupCache cache(kTtlMs);
  EXPECT_EQ(cache.find("anna", 5), nullptr);
  cache.store("anna", 1, 5);
  cache.store("eve", std::nullopt, 5);
  ASSERT_NE(cache.find("anna", 1004), nullptr);
  EXPECT_EQ(*cache.find("anna", 1004), 1U);
  ASSERT_NE(cache.find("eve", 1004), nullptr) << "that nobody knows her is known as long";
  EXPECT_EQ(*cache.find("eve", 1004), std::nullopt);
  EXPECT_EQ(cache.find("anna", 1005), nullptr);
  EXPECT_EQ(cache.find("eve", 1005), nullptr);
}

TEST(LookupCache, TakesAnotherAnswerInItsPlace) {
  LookupCache cache(kTtlMs);
  cache.store("anna", 1, 0);
  cache.store("anna", 0, kTtlMs);
  ASSERT_NE(cache.find("anna", kTtlMs + 1), nullptr);
  EXPECT_EQ(*cache.find("anna", kTtlMs + 1), 0U);
  cache.store("anna", 1, kTtlMs + 1);
  EXPECT_EQ(*cache.find("anna", kTtlMs + 1), 1U);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(LookupCache, LetsTheOldestGo) {
  LookupCache cache(kTtlMs);
  for (size_t i = 0; i < LookupCache::kMaxNames + 10; ++i) {
    cache.store("user" + std::to_string(i), i, 0);
  }
  EXPECT_EQ(cache.size(), LookupCache::kMaxNames);
  EXPECT_EQ(cache.find("user9", 1), nullptr);
  EXPECT_NE(cache.find("user10", 1), nullptr);
}

TEST(LookupCache, HoldsNothingThatIsOver) {
  LookupCache cache(kTtlMs);
  cache.store("anna", 1, 0);
  cache.store("bert", 1, 500);
  cache.store("carl", 1, kTtlMs);
  EXPECT_EQ(cache.size(), 2U);
}

TEST(LookupCache, KeepsNothingWithoutATime) {
  LookupCache cache(0);
  cache.store("anna", 1, 5);
  EXPECT_EQ(cache.find("anna", 5), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

}  // namespace
}  // namespace postern
