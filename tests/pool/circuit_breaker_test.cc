#include "proxy/pool/circuit_breaker.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

using Change = CircuitBreaker::Change;

// The time from which on it may be tried again.
uint64_t end_of_rest(const CircuitBreaker& breaker, uint64_t now_ms) {
  while (breaker.rests(now_ms)) {
    ++now_ms;
  }
  return now_ms;
}

TEST(CircuitBreaker, RestsLongerAfterEachFailure) {
  CircuitBreaker breaker;
  EXPECT_TRUE(breaker.claim(100));
  breaker.failed(100);
  breaker.failed(200);  // several tries were on their way
  uint64_t now = 100;
  uint64_t former = 0;
  for (int i = 0; i < 12; ++i) {
    const uint64_t end = end_of_rest(breaker, now);
    EXPECT_FALSE(breaker.claim(end - 1));
    EXPECT_TRUE(breaker.claim(end));
    EXPECT_FALSE(breaker.claim(end)) << "one dialer tries it, no other";
    const uint64_t rest = end - now;
    EXPECT_GE(rest, former - former / 8);
    EXPECT_LE(rest, CircuitBreaker::kLongestRestMs);
    former = rest;
    now = end;
  }
  EXPECT_GE(former, CircuitBreaker::kLongestRestMs - CircuitBreaker::kLongestRestMs / 8);
}

TEST(CircuitBreaker, IsWellAfterASuccess) {
  CircuitBreaker breaker;
  EXPECT_EQ(breaker.served(300), Change::None);
  breaker.failed(100);
  breaker.failed(100);
  EXPECT_TRUE(breaker.rests(101));
  EXPECT_EQ(breaker.served(300), Change::Down);
  EXPECT_TRUE(breaker.well());
  EXPECT_FALSE(breaker.down());
  EXPECT_FALSE(breaker.rests(101));
  EXPECT_TRUE(breaker.claim(101));
  EXPECT_TRUE(breaker.claim(101)) << "all dialers try what is well";
  EXPECT_EQ(breaker.failed(200), Change::Suspect);
  EXPECT_LE(end_of_rest(breaker, 200), 200 + CircuitBreaker::kFirstRestMs);
  EXPECT_EQ(breaker.served(300), Change::Suspect);
}

TEST(CircuitBreaker, ReportsEachChangeOnce) {
  CircuitBreaker breaker;
  EXPECT_EQ(breaker.failed(100), Change::Suspect);
  EXPECT_FALSE(breaker.well());
  EXPECT_FALSE(breaker.down());
  EXPECT_EQ(breaker.failed(100), Change::Down);
  EXPECT_TRUE(breaker.down());
  EXPECT_EQ(breaker.failed(100), Change::None);
  EXPECT_TRUE(breaker.claim(100 + CircuitBreaker::kFirstRestMs));
  EXPECT_TRUE(breaker.down()) << "until a try succeeds";
}

TEST(CircuitBreaker, KnowsSinceWhen) {
  CircuitBreaker breaker;
  EXPECT_EQ(breaker.since_ms(), 0U) << "untried";
  breaker.served(100);
  EXPECT_EQ(breaker.since_ms(), 100U);
  breaker.served(200);
  EXPECT_EQ(breaker.since_ms(), 100U) << "nothing has changed";
  breaker.failed(300);
  EXPECT_EQ(breaker.since_ms(), 300U);
  breaker.failed(400);
  EXPECT_EQ(breaker.since_ms(), 400U) << "down";
  breaker.failed(500);
  EXPECT_EQ(breaker.since_ms(), 400U);
  breaker.served(600);
  EXPECT_EQ(breaker.since_ms(), 600U);
  breaker.fell(700);
  EXPECT_EQ(breaker.since_ms(), 700U);
}

// Sessions that began beside the first one are overtaken, too.
TEST(CircuitBreaker, IsDownWhenItIsOvertakenAgainAfterARest) {
  CircuitBreaker breaker;
  EXPECT_EQ(breaker.overtaken(100), Change::Suspect);
  EXPECT_EQ(breaker.overtaken(110), Change::None);
  EXPECT_TRUE(breaker.claim(100 + CircuitBreaker::kFirstRestMs));
  EXPECT_FALSE(breaker.down());
  EXPECT_EQ(breaker.overtaken(5'400), Change::Down);
  EXPECT_EQ(breaker.overtaken(5'400), Change::None);
}

TEST(CircuitBreaker, FallsFromWhereverItIs) {
  CircuitBreaker breaker;
  EXPECT_TRUE(breaker.fell(100));
  EXPECT_TRUE(breaker.down());
  EXPECT_TRUE(breaker.rests(101));
  EXPECT_FALSE(breaker.fell(100));
  breaker.served(300);
  breaker.failed(100);
  EXPECT_TRUE(breaker.fell(100));
  EXPECT_TRUE(breaker.down());
}

TEST(CircuitBreaker, OneOfManyThreadsTriesItAndOneReportsAChange) {
  CircuitBreaker breaker;
  std::atomic<int> suspected = 0;
  std::atomic<int> downed = 0;
  std::atomic<int> claimed = 0;
  std::atomic<int> served = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([&] {
      for (int k = 0; k < 100; ++k) {
        const Change change = breaker.failed(100);
        suspected += change == Change::Suspect ? 1 : 0;
        downed += change == Change::Down ? 1 : 0;
      }
      claimed += breaker.claim(100 + CircuitBreaker::kFirstRestMs) ? 1 : 0;
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_EQ(suspected, 1);
  EXPECT_EQ(downed, 1);
  EXPECT_EQ(claimed, 1);
  workers.clear();
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([&] { served += breaker.served(300) == Change::None ? 0 : 1; });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_EQ(served, 1);
}

}  // namespace
}  // namespace postern
