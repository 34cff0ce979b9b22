// A TcpStream whose peer has hung up or reads no more: what still arrives, and what it still owes.
#include <string>

#include <gtest/gtest.h>

#include "proxy/net/tcp.h"
#include "tests/net/loopback.h"

namespace postern::net {
namespace {

using test::run_until;

using TcpLastWordsTest = Loopback;

TEST_F(TcpLastWordsTest, ReadsEverythingFromAPeerThatAcceptsNoMore) {
  for (const bool queues : {false, true}) {
    client_saw = {};
    server_saw = {};
    connect_pair();
    server->pause();
    if (queues) {
      EXPECT_GT(client->write(as_bytes(much())), 0U);
    } else {
      client->write(as_bytes("a literal that is not read"));
    }
    client->pause();  // as if its reader were slow
    std::string said(60 * kKiB, 'x');
    said += "* BYE too big\r\n";
    ASSERT_EQ(server->write(as_bytes(said)), 0U);
    server->abort();  // with bytes unread, which resets the connection
    ASSERT_TRUE(run_until(loop, [&] {
      client->write(as_bytes("more of it"));
      return client_saw.count(Event::WriteFailure) > 0;
    }));
    EXPECT_EQ(client->queued(), 0U);
    EXPECT_EQ(loop.memory().waiting(), 0U);
    EXPECT_EQ(client_saw.received, "");
    client->resume();
    ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
    EXPECT_TRUE(client_saw.received == said) << client_saw.received.size();
    EXPECT_STREQ(client_saw.failure.label(), client_saw.write_failure.label());
    EXPECT_EQ(client_saw.count(Event::End) + client_saw.count(Event::Drained), 0);
    retire(client);
    retire(server);
    listener.reset();
  }
}

TEST_F(TcpLastWordsTest, FailsAtOnceIfAWriteFailsAfterThePeersEnd) {
  connect_pair();
  server->finish();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.ended(); }));
  server->abort();
  ASSERT_TRUE(run_until(loop, [&] {
    client->write(as_bytes("anybody there?"));
    return client_saw.failed();
  }));
  EXPECT_EQ(client_saw.count(Event::WriteFailure), 0);
}

TEST_F(TcpLastWordsTest, MayBeEndedInOnWriteFailure) {
  connect_pair();
  client->pause();
  server->reset();
  client_saw.then = [&](Event event) {
    if (event == Event::WriteFailure) {
      retire(client);
    }
  };
  ASSERT_TRUE(run_until(loop, [&] {
    if (client != nullptr) {
      client->write(as_bytes("into the void"));
    }
    return client == nullptr;
  }));
  EXPECT_FALSE(client_saw.failed());
}

TEST_F(TcpLastWordsTest, GivesUpAPeerThatTakesNothingForTheUserTimeout) {
  listen();
  dial({.user_timeout_ms = 300});
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.opened() && server != nullptr; }));
  server->pause();
  EXPECT_GT(client->write(as_bytes(much())), 0U);
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
  EXPECT_STREQ(client_saw.failure.label(), "timed_out");
}

TEST_F(TcpLastWordsTest, KnowsWhatItOwesUntilThePeersKernelHasIt) {
  connect_pair();
  EXPECT_EQ(client->owed(), 0U);
  server->pause();
  const size_t queued = client->write(as_bytes(much()));
  EXPECT_GE(client->owed(), queued);
  EXPECT_LE(client->owed(), much().size());
  size_t before = much().size() + 1;
  server_saw.then = [&](Event) {  // it shrinks as long as the peer reads
    EXPECT_LE(client->owed(), before);
    before = client->owed();
  };
  server->resume();
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received.size() == much().size(); }));
  server_saw.then = nullptr;
  EXPECT_TRUE(run_until(loop, [&] { return client->owed() == 0; }));
  client->abort();
  EXPECT_EQ(client->owed(), 0U);
}

TEST_F(TcpLastWordsTest, SeesThatThePeerOfAPausedStreamHasHungUp) {
  for (const bool resets : {false, true}) {
    client_saw = {};
    server_saw = {};
    connect_pair();
    client->pause();
    if (!resets) {  // what libuv reads before a reset it takes for the end
      server->write(as_bytes("some words"));
    }
    for (int turn = 0; turn < 5; ++turn) {
      loop.run_once(0);
    }
    EXPECT_FALSE(client->hung_up());
    resets ? server->reset() : server->finish();
    EXPECT_TRUE(run_until(loop, [&] {
      loop.post([] {});
      return client->hung_up();
    }));
    EXPECT_EQ(client_saw.total(), 1U) << "only opened";
    client->resume();
    EXPECT_TRUE(run_until(loop, [&] { return client_saw.ended() || client_saw.failed(); }));
    EXPECT_EQ(client_saw.failed(), resets) << "it asked without taking the error away";
    EXPECT_TRUE(client->hung_up());
    retire(client);
    retire(server);
    listener.reset();
  }
}

}  // namespace
}  // namespace postern::net
