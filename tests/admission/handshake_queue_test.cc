#include "proxy/admission/handshake_queue.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace postern {
namespace {

class HandshakeQueueTest : public testing::Test {
 protected:
  struct Handshake final : HandshakeQueue::Member {
    Handshake(HandshakeQueueTest& test, std::string as) : of(test), name(std::move(as)) {}
    void on_turn() override { of.computed.push_back(name); }
    HandshakeQueueTest& of;
    const std::string name;
  };

  // The names are "address/number".
  void ask(const std::string& address, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      members.push_back(std::make_unique<Handshake>(*this, address + "/" + std::to_string(i)));
      if (queue.ask(*members.back(), net::Address::parse(address).value())) {
        members.back()->on_turn();
      }
    }
  }
  void use_up_the_turn() {
    ask("192.0.2.99", HandshakeQueue::kATurn);
    computed.clear();
  }
  // One end of a turn.
  void turn() {
    const size_t before = computed.size();
    ASSERT_TRUE(test::run_until(loop, [&] { return computed.size() > before; }));
  }
  void finish(size_t count) {
    EXPECT_TRUE(test::run_until(loop, [&] { return computed.size() >= count; }));
    EXPECT_EQ(computed.size(), count);
  }

  net::Loop loop;
  HandshakeQueue queue{loop};
  std::vector<std::string> computed;
  std::vector<std::unique_ptr<Handshake>> members;
};

TEST_F(HandshakeQueueTest, ComputesAFewAtOnce) {
  ask("192.0.2.1", HandshakeQueue::kATurn + 1);
  EXPECT_EQ(computed.size(), HandshakeQueue::kATurn);
  finish(HandshakeQueue::kATurn + 1);
}

TEST_F(HandshakeQueueTest, ComputesAFewATurn) {
  use_up_the_turn();
  ask("192.0.2.1", 3 * HandshakeQueue::kATurn);
  for (size_t turns = 1; turns <= 3; ++turns) {
    turn();
    EXPECT_EQ(computed.size(), turns * HandshakeQueue::kATurn);
  }
}

TEST_F(HandshakeQueueTest, LetsAddressesTakeTurns) {
  use_up_the_turn();
  ask("192.0.2.1", 100);
  ask("192.0.2.2", 100);
  ask("198.51.100.7", 1);
  turn();
  EXPECT_EQ(computed, (std::vector<std::string>{"192.0.2.1/0", "192.0.2.2/0", "198.51.100.7/0",
                                                "192.0.2.1/1"}));
  ask("198.51.100.8", 1);  // one that comes later waits for one of each of the others
  turn();
  computed.erase(computed.begin(), computed.begin() + 4);
  EXPECT_EQ(computed, (std::vector<std::string>{"192.0.2.2/1", "192.0.2.1/2", "198.51.100.8/0",
                                                "192.0.2.2/2"}));
}

TEST_F(HandshakeQueueTest, TakesANetworkOfIpv6ForOneAddress) {
  use_up_the_turn();
  ask("2001:db8::1", 1);
  ask("2001:db8::2", 2);
  ask("2001:db8:0:1::1", 1);
  turn();
  EXPECT_EQ(computed, (std::vector<std::string>{"2001:db8::1/0", "2001:db8:0:1::1/0",
                                                "2001:db8::2/0", "2001:db8::2/1"}));
}

TEST_F(HandshakeQueueTest, ForgetsThoseThatLeave) {
  use_up_the_turn();
  ask("192.0.2.1", 2);
  ask("192.0.2.2", 1);
  members[HandshakeQueue::kATurn].reset();  // 192.0.2.1/0
  members.pop_back();                       // 192.0.2.2/0
  finish(1);
  EXPECT_EQ(computed, (std::vector<std::string>{"192.0.2.1/1"}));
}

}  // namespace
}  // namespace postern
