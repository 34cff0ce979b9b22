// Servers that are full, backups, and servers that drain.
#include "tests/backend/dialer_fixture.h"

namespace postern {
namespace {

class DialerRolesTest : public DialerTest {
 protected:
  void again() {
    stream.reset();
    dial.reset();
    place = ServerSlot();
    failure = {};
  }
  // Servers that greet only when a test says so, but for the last one, which is a backup.
  void with_backup(size_t silent) {
    for (size_t i = 0; i < silent; ++i) {
      backend({.greeting = ""});
    }
    backend();
    config.servers.back().backup = true;
  }
};

TEST_F(DialerRolesTest, PassesByAServerThatIsFull) {
  backend();
  backend();
  config.servers[0].max_sessions = 1;
  ASSERT_TRUE(dials());
  EXPECT_EQ(place.server(), &pool().server(0));
  const ServerSlot first = std::move(place);
  stream.reset();
  pool().order(net::loopback(1), loop.now_ms());  // so that it is the first again
  const auto lines = lines_while([&] { ASSERT_TRUE(dials()); });
  EXPECT_EQ(place.server(), &pool().server(1));
  EXPECT_EQ(connects(0, "server_full"), 1U);
  EXPECT_EQ(backends[0]->accepted(), 1U);
  EXPECT_THAT(lines, Contains(ContainsRegex("backend is full .*max_sessions=1 passed_by=1")));
}

TEST_F(DialerRolesTest, FailsAsFullWhenEachServerIs) {
  backend();
  backend();
  config.servers[0].max_sessions = config.servers[1].max_sessions = 1;
  const ServerSlot one = ServerSlot::acquire(pool().server(0));
  ServerSlot two = ServerSlot::acquire(pool().server(1));
  ASSERT_TRUE(dials());
  EXPECT_TRUE(is_full(failure));
  EXPECT_EQ(backends[0]->accepted() + backends[1]->accepted(), 0U);
  again();
  two = ServerSlot();
  ASSERT_TRUE(dials());
  EXPECT_EQ(place.server(), &pool().server(1));
}

TEST_F(DialerRolesTest, AFailedAttemptGivesItsSlotToTheNextAddress) {
  ScriptedBackend& server = backend();
  config.servers[0].max_sessions = 1;
  pool().server(0).addresses.store({net::loopback(closed_port.host().port), server.address()},
                                   loop.now_ms() + 60'000);
  ASSERT_TRUE(dials());
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "connection_refused"), 1U);
}

TEST_F(DialerRolesTest, ABackupBeginsWhenTheOthersHaveFailed) {
  config.servers.push_back(closed_port.host());
  backend();
  config.servers.back().backup = true;
  const uint64_t started = loop.now_ms();
  ASSERT_TRUE(dials());
  EXPECT_EQ(place.server(), &pool().server(1));
  EXPECT_LT(loop.now_ms() - started, Dialer::kBackupHeadStartMs);
}

TEST_F(DialerRolesTest, ABackupBeginsBesideAServerThatIsMuteForASecond) {
  with_backup(1);
  const uint64_t started = loop.now_ms();
  ASSERT_TRUE(dials());
  EXPECT_GE(loop.now_ms() - started, Dialer::kBackupHeadStartMs);
  expect_next_server("overtaken");
}

TEST_F(DialerRolesTest, ABackupIsNotForServersThatAreSlow) {
  with_backup(2);
  start();
  ASSERT_TRUE(accepted(1, 1));  // 250 ms after the first
  pass_ms(Dialer::kBackupHeadStartMs / 2);
  loop.run_once(10);
  EXPECT_EQ(backends[2]->accepted(), 0U);
  backends[0]->last().say("* OK ready\r\n");
  ASSERT_TRUE(wait());
  EXPECT_EQ(place.server(), &pool().server(0));
  EXPECT_EQ(backends[2]->accepted(), 0U);
}

TEST_F(DialerRolesTest, ABackupComesBeforeWhatRests) {
  ScriptedBackend& resting = backend();
  backend();
  config.servers.back().backup = true;
  pool().server(0).addresses.store({resting.address()}, loop.now_ms() + 60'000);
  breaker(0).failed(loop.now_ms());
  ASSERT_TRUE(dials());
  EXPECT_EQ(place.server(), &pool().server(1));
}

TEST_F(DialerRolesTest, FailsWhenEachServerDrains) {
  backend();
  config.servers[0].drain = true;
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "no_server");
  EXPECT_FALSE(is_full(failure));
  EXPECT_EQ(backends[0]->accepted(), 0U);
}

}  // namespace
}  // namespace postern
