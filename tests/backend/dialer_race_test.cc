// Which address the dialer tries when: beside a silent one, after a failure, as a last resort.
#include "tests/backend/dialer_fixture.h"

namespace postern {
namespace {

class DialerRaceTest : public DialerTest {
 protected:
  // Greets only when a test says so.
  ScriptedBackend& silent() { return backend({.greeting = ""}); }
  void again() {
    stream.reset();
    place = ServerSlot();
    failure = {};
  }
  size_t accepted_in_all() const {
    size_t all = 0;
    for (const auto& server : backends) {
      all += server->accepted();
    }
    return all;
  }
};

TEST_F(DialerRaceTest, TriesTheNextServerBesideASilentOne) {
  silent();
  backend();
  const auto lines = lines_while([&] {
    const uint64_t started = loop.now_ms();
    ASSERT_TRUE(dials());
    EXPECT_GE(loop.now_ms() - started, Dialer::kHeadStartMs);
  });
  expect_next_server("overtaken");
  EXPECT_TRUE(run_until(loop, [&] { return backends[0]->open() == 0; }));
  EXPECT_THAT(lines, Contains(ContainsRegex("backend failed.*reason=overtaken")));
}

TEST_F(DialerRaceTest, LeavesTheSilentOneOutFromThenOn) {
  silent();
  backend();
  start();
  ASSERT_TRUE(accepted(0, 1));
  pass_ms(Dialer::kHeadStartMs + 50);
  ASSERT_TRUE(wait());
  for (int i = 0; i < 4; ++i) {
    again();
    ASSERT_TRUE(dials());
    EXPECT_EQ(place.server(), &pool().server(1));
  }
  EXPECT_EQ(backends[0]->accepted(), 1U);
}

TEST_F(DialerRaceTest, SlowServersAreTriedByTwos) {
  for (int i = 0; i < 32; ++i) {
    silent();
  }
  const uint64_t started = loop.now_ms();
  start();
  ASSERT_TRUE(accepted(0, 1));
  ASSERT_TRUE(accepted(1, 1));
  EXPECT_GE(loop.now_ms() - started, Dialer::kHeadStartMs);
  backends[0]->last().say("* OK ready\r\n");
  ASSERT_TRUE(wait());
  EXPECT_EQ(place.server(), &pool().server(0));
  if (loop.now_ms() - started < 2 * Dialer::kHeadStartMs) {  // else the machine was busy
    EXPECT_EQ(accepted_in_all(), 2U);
  }
  EXPECT_EQ(connects(1, "overtaken"), 1U);
  EXPECT_FALSE(rests(1)) << "it began later, so it is not the slower one";
}

TEST_F(DialerRaceTest, TriesNoMoreThanThreeBesideEachOther) {
  for (int i = 0; i < 6; ++i) {
    silent();
  }
  start(10'000);
  for (size_t i = 0; i < Dialer::kBeside; ++i) {
    ASSERT_TRUE(accepted(i, 1));
  }
  pass_ms(3'000);
  loop.run_once(10);
  EXPECT_EQ(accepted_in_all(), Dialer::kBeside);
  pass_ms(4'900);
  pass_ms(300);  // six servers, three beside each other: each has half of the time
  EXPECT_EQ(connects(0, "greeting_timeout"), 1U);
  ASSERT_TRUE(accepted(3, 1));
}

TEST_F(DialerRaceTest, GivesUpInTimeWhenEveryServerIsSilent) {
  silent();
  silent();
  start();
  ASSERT_TRUE(accepted(0, 1));
  ASSERT_TRUE(accepted(1, 1));
  pass_ms(kTimeoutMs + 100);
  ASSERT_TRUE(wait());
  EXPECT_STREQ(failure.label(), "greeting_timeout");
  EXPECT_EQ(connects(0, "greeting_timeout") + connects(1, "greeting_timeout"), 2U);
}

TEST_F(DialerRaceTest, TriesABoundedNumberOfServers) {
  for (int i = 0; i < 40; ++i) {
    config.servers.push_back({"127.0.1." + std::to_string(i + 1), closed_port.host().port});
  }
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "connection_refused");
  uint64_t refused = 0;
  for (size_t i = 0; i < 40; ++i) {
    refused += connects(i, "connection_refused");
  }
  EXPECT_EQ(refused, Dialer::kMostAttempts);
}

TEST_F(DialerRaceTest, PassesByAnAddressThatHasFailed) {
  ScriptedBackend& server = backend();
  pool().server(0).addresses.store({net::loopback(closed_port.host().port), server.address()},
                                   loop.now_ms() + 60'000);
  for (int i = 0; i < 3; ++i) {
    again();
    ASSERT_TRUE(dials());
  }
  EXPECT_EQ(connects(0, "connection_refused"), 1U);
  EXPECT_EQ(connects(0, "success"), 3U);
}

// A server that is alone is tried each time, however often it has failed.
TEST_F(DialerRaceTest, TriesWhatRestsWhenNothingElseIsLeft) {
  ScriptedBackend& server = backend();
  BackendServer& only = pool().server(0);
  only.addresses.store({server.address()}, loop.now_ms() + 60'000);
  breaker(0).failed(loop.now_ms());
  only.health->name.failed(loop.now_ms());
  log::configure(log::Format::Text, log::Level::Info);
  const auto lines = test::logged([&] { EXPECT_TRUE(dials()); });
  EXPECT_NE(stream, nullptr);
  EXPECT_FALSE(rests(0));
  EXPECT_THAT(lines, Contains(ContainsRegex("backend serves again")));
}

TEST_F(DialerRaceTest, TriesWhatRestsOnlyOnceNothingElseIsOnItsWay) {
  ScriptedBackend& resting = backend();
  ScriptedBackend& slow = silent();
  BackendServer& first = pool().server(0);
  first.addresses.store({resting.address()}, loop.now_ms() + 60'000);
  breaker(0).failed(loop.now_ms());
  start();
  ASSERT_TRUE(accepted(1, 1));
  pass_ms(Dialer::kHeadStartMs + 50);
  loop.run_once(10);
  EXPECT_EQ(resting.accepted(), 0U);
  slow.last().hang_up();
  ASSERT_TRUE(wait());
  EXPECT_EQ(place.server(), &first);
}

TEST_F(DialerRaceTest, AServerThatFailsAgainIsDown) {
  backend({.hangs_up = true});
  backend();
  const auto lines = lines_while([&] {
    ASSERT_TRUE(dials());
    EXPECT_EQ(pool().server(0).health->state({}), ServerState::Suspect);
    backends.pop_back();  // so that the first one is tried as a last resort
    again();
    ASSERT_TRUE(dials());
  });
  EXPECT_EQ(pool().server(0).health->state({}), ServerState::Down);
  EXPECT_THAT(
      lines,
      Contains(ContainsRegex("backend is down backend=pool server=127.0.0.1:[0-9]+ reason=")));
}

}  // namespace
}  // namespace postern
