#include "proxy/net/memory_budget.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/net/loopback.h"

namespace postern::net {
namespace {

using test::run_until;

TEST(MemoryBudget, HasNoLimitByDefault) {
  MemoryBudget budget;
  budget.sampled(size_t{1} << 40);
  budget.add(int64_t{1} << 40);
  EXPECT_FALSE(budget.tight() || budget.full() || budget.exhausted());
}

TEST(MemoryBudget, GetsTightThenFullThenExhausted) {
  MemoryBudget budget;
  budget.set_limit(800);
  budget.sampled(599);
  EXPECT_FALSE(budget.tight());
  budget.sampled(600);
  EXPECT_TRUE(budget.tight());
  EXPECT_FALSE(budget.full());
  budget.sampled(700);
  EXPECT_TRUE(budget.full());
  EXPECT_FALSE(budget.exhausted());
  budget.sampled(800);
  EXPECT_TRUE(budget.exhausted());
  budget.set_limit(1600);
  EXPECT_FALSE(budget.tight());
}

TEST(MemoryBudget, CountsBetweenSamplesAndNothingTwice) {
  MemoryBudget budget;
  budget.sampled(1000);
  budget.add(500);
  EXPECT_EQ(budget.used(), 1500U);
  budget.sampled(1500);  // the kernel has seen them, too
  EXPECT_EQ(budget.used(), 1500U);
  budget.add(-500);
  EXPECT_EQ(budget.used(), 1000U);
  EXPECT_EQ(budget.waiting(), 0U);
  budget.sampled(0);
  budget.add(-500);
  EXPECT_EQ(budget.used(), 0U) << "never less than nothing";
}

using MemoryBudgetOfALoop = Loopback;

TEST_F(MemoryBudgetOfALoop, CountsBytesThatWaitForAPeer) {
  connect_pair();
  server->pause();
  const std::string much(64 * kMiB, 'x');
  const size_t queued = client->write(as_bytes(much));
  ASSERT_GT(queued, 0U);
  EXPECT_EQ(loop.memory().waiting(), queued);
  server->resume();
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received.size() > much.size() / 2; }));
  EXPECT_LT(loop.memory().waiting(), queued);
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received.size() == much.size(); }));
  ASSERT_TRUE(run_until(loop, [&] { return client->queued() == 0; }));
  EXPECT_EQ(loop.memory().waiting(), 0U);
}

TEST_F(MemoryBudgetOfALoop, GetsBytesBackWhenAStreamEnds) {
  connect_pair();
  server->pause();
  ASSERT_GT(client->write(as_bytes(std::string(64 * kMiB, 'x'))), 0U);
  client->abort();
  EXPECT_EQ(loop.memory().waiting(), 0U);
}

TEST_F(MemoryBudgetOfALoop, MakesReadsSmallWhileItIsTight) {
  EXPECT_EQ(loop.read_scratch(&loop).size(), Loop::kScratchBytes);
  MemoryBudget shared;
  loop.share(shared);
  shared.set_limit(8);
  shared.sampled(6);
  EXPECT_EQ(loop.read_scratch(&shared).size(), Loop::kTightScratchBytes);
  listen();
}

}  // namespace
}  // namespace postern::net
