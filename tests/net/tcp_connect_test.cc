// When a TcpStream opens: with the connection, or with the first bytes of its peer.
#include <gtest/gtest.h>

#include "proxy/net/tcp.h"
#include "tests/net/loopback.h"

namespace postern::net {
namespace {

using test::run_until;

using TcpConnectTest = Loopback;

TEST_F(TcpConnectTest, SendsWhatWasWrittenBeforeItOpened) {
  listen();
  dial();
  client_saw.calling([&] {
    EXPECT_EQ(client->write(as_bytes("early ")), 6U);
    EXPECT_EQ(client->write(as_bytes("bird")), 10U);
    client->finish();
  });
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.ended(); }));
  EXPECT_EQ(server_saw.received, "early bird");
  EXPECT_EQ(client_saw.count(Event::Drained), 1);
}

TEST_F(TcpConnectTest, FinishesBeforeItOpened) {
  listen();
  dial();
  client->finish();
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.ended() && client_saw.opened(); }));
  EXPECT_EQ(server_saw.received, "");
}

TEST_F(TcpConnectTest, OpensPausedIfPausedBefore) {
  listen();
  dial();
  client->pause();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.opened() && server != nullptr; }));
  server->write(as_bytes("* OK\r\n"));
  for (int turn = 0; turn < 20; ++turn) {
    loop.run_once(0);
  }
  EXPECT_EQ(client_saw.received, "");
  client->resume();
  EXPECT_TRUE(run_until(loop, [&] { return client_saw.received == "* OK\r\n"; }));
}

// The last descriptors are not for connections to servers.
TEST_F(TcpConnectTest, LeavesTheReserveAlone) {
  listen();
  const Address somebody = listener->local();
  loop.reserve_descriptors_from(0);
  client = TcpStream::make(loop);
  client->observe(client_saw);
  client->connect(somebody, {});
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
  EXPECT_STREQ(client_saw.failure.label(), "too_many_open_files");
}

TEST_F(TcpConnectTest, ReportsARefusedConnectionLater) {
  listen();
  const Address nobody = listener->local();
  listener->close();
  client = TcpStream::make(loop);
  client->observe(client_saw);
  client_saw.calling([&] { client->connect(nobody, {}); });
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
  EXPECT_STREQ(client_saw.failure.label(), "connection_refused");
  EXPECT_STREQ(client_saw.failure.during, "connecting");
  EXPECT_FALSE(client_saw.opened());
}

TEST_F(TcpConnectTest, ReportsAnAddressThatCannotBeReachedLater) {
  client = TcpStream::make(loop);
  client->observe(client_saw);
  // The kernel refuses at once: no connection leads to a broadcast address.
  client_saw.calling([&] { client->connect(Address::parse("255.255.255.255:1").value(), {}); });
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
  EXPECT_STREQ(client_saw.failure.during, "connecting");
}

// ---- a peer that speaks first

constexpr auto kWithFirstBytes = TcpStream::OpenOn::FirstBytes;

TEST_F(TcpConnectTest, OpensWithTheFirstBytes) {
  listen();
  dial({}, kWithFirstBytes);
  EXPECT_TRUE(run_until(loop, [&] { return server != nullptr && client->connected(); }));
  for (int turn = 0; turn < 20; ++turn) {
    loop.run_once(0);
  }
  EXPECT_FALSE(client_saw.opened());
  server->write(as_bytes("* OK\r\n"));
  client_saw.then = [&](Event event) {
    EXPECT_EQ(event, client_saw.total() == 1 ? Event::Open : Event::Bytes);
  };
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.received == "* OK\r\n"; }));
  EXPECT_EQ(client_saw.count(Event::Open), 1);
}

TEST_F(TcpConnectTest, OpensWithTheEndOfAPeerThatSaysNothing) {
  listen();
  dial({}, kWithFirstBytes);
  ASSERT_TRUE(run_until(loop, [&] { return server != nullptr; }));
  server->finish();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.ended(); }));
  EXPECT_TRUE(client_saw.opened());
}

TEST_F(TcpConnectTest, SaysNothingMoreOnceAbortedWhenItOpensWithTheFirstBytes) {
  listen();
  dial({}, kWithFirstBytes);
  client_saw.then = [&](Event) { client->abort(); };
  ASSERT_TRUE(run_until(loop, [&] { return server != nullptr; }));
  server->write(as_bytes("* OK\r\n"));
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.opened(); }));
  EXPECT_EQ(client_saw.total(), 1U);
}

TEST_F(TcpConnectTest, SendsWhatWasWrittenBeforeThePeersFirstBytes) {
  listen();
  dial({}, kWithFirstBytes);
  client_saw.calling([&] { client->write(as_bytes("PROXY")); });
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received == "PROXY"; }));
  ASSERT_TRUE(run_until(loop, [&] { return client->queued() == 0; }));
  EXPECT_TRUE(client_saw.opened());
  client->finish();
  EXPECT_TRUE(run_until(loop, [&] { return server_saw.ended(); }));
}

TEST_F(TcpConnectTest, ReportsARefusedConnectionThatWaitsForFirstBytes) {
  listen();
  const Address nobody = listener->local();
  listener->close();
  for (const bool writing : {false, true}) {
    Recorder saw;
    client = TcpStream::make(loop);
    client->observe(saw);
    saw.calling([&] {
      client->connect(nobody, {}, kWithFirstBytes);
      client->write(as_bytes(writing ? "PROXY" : ""));
    });
    ASSERT_TRUE(run_until(loop, [&] { return saw.failed(); }));
    EXPECT_STREQ(saw.failure.label(), "connection_refused");
    EXPECT_STREQ(saw.failure.during, "connecting");
    EXPECT_FALSE(saw.opened());
    retire(client);
  }
}

}  // namespace
}  // namespace postern::net
