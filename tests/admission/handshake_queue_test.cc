#include "proxy/admission/handshake_queue.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace postern {
namespace {

using testing::ElementsAre;

class HandshakeQueueTest : public testing::Test {
 protected:
  struct Handshake final : HandshakeQueue::Member {
    Handshake(HandshakeQueueTest& test, std::string as) : of(test), name(std::move(as)) {}
    void on_turn() override {
      of.computed.push_back(name);
      if (const auto next = of.then.find(name); next != of.then.end()) {
        next->second();
      }
    }
    HandshakeQueueTest& of;
    const std::string name;
  };

  // The names are "address/number".
  void ask(const std::string& address, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      members.push_back(std::make_unique<Handshake>(*this, address + "/" + std::to_string(i)));
      if (queue.ask(*members.back(),
                    net::Address::parse(net::HostPort{address, 7}.text()).value())) {
        members.back()->on_turn();
      }
    }
  }
  void use_up_the_turn() {
    ask("192.0.2.99", HandshakeQueue::kBatch);
    computed.clear();
  }
  // All that wait, in the order in which they are computed.
  std::vector<std::string> rest(size_t count) {
    computed.clear();
    EXPECT_TRUE(test::run_until(loop, [&] { return computed.size() >= count; }));
    return computed;
  }

  net::Loop loop;
  HandshakeQueue queue{loop};
  std::vector<std::string> computed;
  std::map<std::string, std::function<void()>> then;  // once this one is computed
  std::vector<std::unique_ptr<Handshake>> members;
};

TEST_F(HandshakeQueueTest, ComputesABatchAtOnce) {
  ask("192.0.2.1", HandshakeQueue::kBatch + 1);
  EXPECT_EQ(computed.size(), HandshakeQueue::kBatch);
  EXPECT_THAT(rest(1), ElementsAre("192.0.2.1/" + std::to_string(HandshakeQueue::kBatch)));
}

TEST_F(HandshakeQueueTest, ComputesTheFirstOfEachTurnAtOnce) {
  use_up_the_turn();
  for (int turns = 0; turns < 2; ++turns) {  // in which no client asks
    loop.run_once(0);
  }
  ask("192.0.2.1", 1);
  EXPECT_EQ(computed, std::vector<std::string>{"192.0.2.1/0"});
}

TEST_F(HandshakeQueueTest, LeavesTimeForOthersBetweenTwo) {
  use_up_the_turn();
  ask("192.0.2.1", 10 * HandshakeQueue::kBatch);
  std::vector<size_t> at_turns;
  EXPECT_TRUE(test::run_until(loop, [&] {
    at_turns.push_back(computed.size());
    return computed.size() == 10 * HandshakeQueue::kBatch;
  }));
  EXPECT_GE(at_turns.size(), 5U) << "a turn has two ends";
}

TEST_F(HandshakeQueueTest, LetsAddressesTakeTurns) {
  use_up_the_turn();
  ask("192.0.2.1", 3);
  ask("192.0.2.2", 3);
  ask("198.51.100.7", 1);
  then["198.51.100.7/0"] = [this] { ask("198.51.100.8", 1); };
  EXPECT_THAT(rest(8), ElementsAre("192.0.2.1/0", "192.0.2.2/0", "198.51.100.7/0", "192.0.2.1/1",
                                   "192.0.2.2/1", "198.51.100.8/0", "192.0.2.1/2", "192.0.2.2/2"));
}

TEST_F(HandshakeQueueTest, TakesANetworkOfIpv6ForOneAddress) {
  use_up_the_turn();
  ask("2001:db8::1", 1);
  ask("2001:db8::2", 2);
  ask("2001:db8:0:1::1", 1);
  EXPECT_THAT(rest(4),
              ElementsAre("2001:db8::1/0", "2001:db8:0:1::1/0", "2001:db8::2/0", "2001:db8::2/1"));
}

TEST_F(HandshakeQueueTest, ForgetsThoseThatLeave) {
  use_up_the_turn();
  ask("192.0.2.1", 2);
  ask("192.0.2.2", 1);
  members[HandshakeQueue::kBatch].reset();  // 192.0.2.1/0
  members.pop_back();                       // 192.0.2.2/0
  EXPECT_THAT(rest(1), ElementsAre("192.0.2.1/1"));
}

}  // namespace
}  // namespace postern
