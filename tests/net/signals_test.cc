#include "proxy/net/signals.h"

#include <csignal>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace postern::net {
namespace {

class SignalsTest : public testing::Test, public SignalObserver {
 protected:
  // While a test runs, the signals it sends must not end it.
  SignalsTest() {
    std::signal(SIGUSR1, SIG_IGN);
    std::signal(SIGUSR2, SIG_IGN);
  }

  Loop loop;
  std::unique_ptr<Signals> signals = std::make_unique<Signals>(loop, *this);
  std::vector<int> caught;

 private:
  void on_signal(int number) override { caught.push_back(number); }
};

TEST_F(SignalsTest, ReportsAWatchedSignalFromTheLoop) {
  signals->watch(SIGUSR1);
  std::raise(SIGUSR1);
  EXPECT_TRUE(caught.empty()) << "called inside the signal's handler";
  EXPECT_TRUE(test::run_until(loop, [this] { return !caught.empty(); }));
  EXPECT_EQ(caught, std::vector<int>{SIGUSR1});
}

TEST_F(SignalsTest, DistinguishesSignals) {
  signals->watch(SIGUSR1);
  signals->watch(SIGUSR2);
  std::raise(SIGUSR2);
  ASSERT_TRUE(test::run_until(loop, [this] { return caught.size() == 1; }));
  std::raise(SIGUSR1);
  ASSERT_TRUE(test::run_until(loop, [this] { return caught.size() == 2; }));
  EXPECT_EQ(caught, (std::vector<int>{SIGUSR2, SIGUSR1}));
}

TEST_F(SignalsTest, DoesNotKeepTheLoopGoing) {
  signals->watch(SIGUSR1);
  EXPECT_TRUE(test::run_to_end(loop));
}

TEST_F(SignalsTest, SaysNothingOnceDestroyed) {
  signals->watch(SIGUSR1);
  std::raise(SIGUSR1);
  signals.reset();
  std::signal(SIGUSR1, SIG_IGN);
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_TRUE(caught.empty());
}

}  // namespace
}  // namespace postern::net
