// Where connections come from, and what becomes of them when no port is left.
#include "tests/backend/dialer_fixture.h"
#include "tests/support/own_network.h"

namespace postern {
namespace {

class DialerSourceTest : public DialerTest {
 protected:
  // Keeps the connection, if there is one.
  bool connects_once_more() {
    failure = {};
    dial.reset();
    place = ServerSlot();
    if (!dials()) {
      return false;
    }
    const bool connected = stream != nullptr;
    if (connected) {
      living.push_back(std::move(stream));
    }
    return connected;
  }
  void sources(std::initializer_list<const char*> addresses) {
    for (const std::string address : addresses) {
      const bool is_v6 = address.find(':') != std::string::npos;
      config.source.push_back(
          net::Address::parse((is_v6 ? "[" + address + "]" : address) + ":0").value());
    }
  }
  void done() {
    living.clear();
    dial.reset();
    backends.clear();
    EXPECT_TRUE(test::run_to_end(loop));
  }
  std::string local_ip(size_t connection) const { return living[connection]->local().ip_text(); }

  std::vector<std::unique_ptr<net::Stream>> living;
};

TEST_F(DialerSourceTest, ConnectsFromEachAddressInItsTurn) {
  backend();
  sources({"127.0.0.2", "::1", "127.0.0.3"});
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(connects_once_more());
  }
  EXPECT_EQ(local_ip(0), "127.0.0.2");
  EXPECT_EQ(local_ip(1), "127.0.0.3");
  EXPECT_EQ(local_ip(2), "127.0.0.2");
  EXPECT_EQ(local_ip(3), "127.0.0.3");
  done();
}

TEST_F(DialerSourceTest, LeavesTheChoiceToTheKernelForAnotherFamily) {
  backend();
  sources({"::1"});
  ASSERT_TRUE(connects_once_more());
  EXPECT_EQ(local_ip(0), "127.0.0.1");
  done();
}

TEST_F(DialerSourceTest, TriesTheNextSourceWhenOneIsNotOfThisMachine) {
  backend();
  sources({"192.0.2.7", "127.0.0.3"});
  ASSERT_TRUE(connects_once_more());
  EXPECT_EQ(local_ip(0), "127.0.0.3");
  done();
}

TEST_F(DialerSourceTest, SaysWhenNoSourceIsOfThisMachine) {
  backend();
  sources({"192.0.2.7"});
  const auto lines = lines_while([&] { EXPECT_FALSE(connects_once_more()); });
  EXPECT_STREQ(failure.label(), "source_not_available");
  EXPECT_FALSE(rests(0)) << "the server is not to blame";
  EXPECT_THAT(lines, Contains(ContainsRegex("reason=source_not_available .*advice=.*ip address")));
  done();
}

TEST_F(DialerSourceTest, SaysWhenNoLocalPortIsLeft) {
  const bool made = test::in_own_network([this] {
    backend();
    test::set_local_ports(40'000, 40'001);
    ASSERT_TRUE(connects_once_more());
    ASSERT_TRUE(connects_once_more());
    const auto lines = lines_while([&] { EXPECT_FALSE(connects_once_more()); });
    EXPECT_STREQ(failure.label(), "no_local_port");
    EXPECT_FALSE(rests(0)) << "the server is not to blame";
    EXPECT_THAT(lines, Contains(ContainsRegex("reason=no_local_port .*advice=.*`source`")));
    done();
  });
  if (!made) {
    GTEST_SKIP() << "needs root";
  }
}

// Two ports, two servers, two sources: eight connections, because the port is chosen last.
TEST_F(DialerSourceTest, EachSourceHasAllPortsTowardEachServer) {
  const bool made = test::in_own_network([this] {
    backend();
    backend();
    test::set_local_ports(40'000, 40'001);
    sources({"127.0.0.2", "127.0.0.3"});
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(connects_once_more()) << "after " << i;
    }
    EXPECT_FALSE(connects_once_more());
    EXPECT_STREQ(failure.label(), "no_local_port");
    done();
  });
  if (!made) {
    GTEST_SKIP() << "needs root";
  }
}

}  // namespace
}  // namespace postern
