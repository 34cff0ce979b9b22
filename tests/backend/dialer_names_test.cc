// What the dialer makes of a server's name: none, an old address, several.
#include "tests/backend/dialer_fixture.h"

namespace postern {
namespace {

// ---- names

TEST_F(DialerTest, FailsWhenANameCannotBeResolved) {
  config.servers.push_back({"no-such-host.invalid", 143});
  ASSERT_TRUE(dials());
  EXPECT_TRUE(failure.domain == &net::kNetDomain);
  EXPECT_EQ(connects(0, failure.label()), 1U);
}

TEST_F(DialerTest, UsesStaleAddressesWhileTheResolverIsDown) {
  ScriptedBackend& server = backend();
  config.servers = {{"no-such-host.invalid", 143}};
  pool().server(0).addresses.store({server.address()}, 0);
  ASSERT_TRUE(dials());
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
}

TEST_F(DialerTest, UsesStaleAddressesWhileTheResolverIsSlow) {
  ScriptedBackend& server = backend();
  config.servers = {{"localhost", server.host().port}};
  pool().server(0).addresses.store({server.address()}, 0);
  const test::BusyPool busy(loop);
  start();
  pass_ms(200);
  for (int turn = 0; turn < 5; ++turn) {
    loop.run_once(10);
  }
  EXPECT_EQ(server.accepted(), 0U);
  pass_ms(300);
  ASSERT_TRUE(run_until(
      loop, [this] { return finished(); }, 500));
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_EQ(connects(0, "name_server_silent"), 0U);
}

TEST_F(DialerTest, TriesNewAddressesThatArriveWhileAStaleOneFails) {
  ScriptedBackend& silent = backend({.greeting = "* OK"});
  ScriptedBackend& server = backend();
  config.servers = {{"localhost", server.host().port}};
  DnsCache& addresses = pool().server(0).addresses;
  addresses.store({silent.address()}, 0);
  test::BusyPool busy(loop);
  start();
  pass_ms(300);
  ASSERT_TRUE(run_until(loop, [&] { return silent.accepted() == 1; }));
  busy.release();
  ASSERT_TRUE(run_until(loop, [&] {
    return addresses.known().size() != 1 || !(addresses.known()[0] == silent.address());
  }));
  silent.last().hang_up();
  ASSERT_TRUE(wait());
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_FALSE(rests(0));
}

TEST_F(DialerTest, TriesTheNextServerWhenANameTakesTooLong) {
  config.servers = {{"localhost", closed_port.host().port}};
  backend();
  test::BusyPool busy(loop);
  start();
  pass_ms(200);
  EXPECT_EQ(connects(0, "name_server_silent"), 0U);
  pass_ms(300);
  ASSERT_TRUE(wait());
  expect_next_server("name_server_silent");
  // The next sessions do not wait for it.
  begin_with_the_first_again();
  ASSERT_TRUE(dials());
  EXPECT_EQ(place.server(), &pool().server(1));
  EXPECT_EQ(connects(0, "name_server_silent"), 1U);
  // The answer that comes later counts at once.
  busy.release();
  ASSERT_TRUE(run_until(loop, [&] { return !pool().server(0).addresses.known().empty(); }));
  begin_with_the_first_again();
  ASSERT_TRUE(dials());
  EXPECT_GE(connects(0, "connection_refused"), 1U);
}

TEST_F(DialerTest, LooksUpANameAgainOnceItsServerHasFailed) {
  config.servers.push_back({"localhost", closed_port.host().port});
  BackendServer& server = pool().server(0);
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "connection_refused");
  EXPECT_FALSE(server.addresses.known().empty());
  failure = Error();
  start();
  EXPECT_EQ(loop.lookups(), 1U);
}

}  // namespace
}  // namespace postern
