#include "proxy/net/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "proxy/net/socket.h"
#include "tests/net/loopback.h"

namespace postern::net {
namespace {

using test::run_until;

using TcpStreamTest = Loopback;

TEST_F(TcpStreamTest, CarriesBytesBothWays) {
  connect_pair();
  EXPECT_EQ(client->write(as_bytes("a1 NOOP\r\n")), 0U);
  EXPECT_EQ(server->write(as_bytes("* OK\r\n")), 0U);
  EXPECT_TRUE(run_until(loop, [&] {
    return client_saw.received == "* OK\r\n" && server_saw.received == "a1 NOOP\r\n";
  }));
  EXPECT_EQ(client_saw.count(Event::Open), 1);
  EXPECT_EQ(client_saw.count(Event::Drained), 0);
  EXPECT_FALSE(server_saw.opened());
}

TEST_F(TcpStreamTest, KnowsBothAddresses) {
  connect_pair();
  EXPECT_EQ(client->remote(), listener->local());
  EXPECT_EQ(server->local(), listener->local());
  EXPECT_EQ(server->remote(), client->local());
  client->abort();
  EXPECT_FALSE(client->remote().valid());
  EXPECT_FALSE(client->local().valid());
}

TEST_F(TcpStreamTest, CallsItsObserverOnTheLoopsThread) {
  std::thread worker([&] {
    connect_pair();
    client->write(as_bytes("x"));
    server->finish();
    EXPECT_TRUE(
        run_until(loop, [&] { return client_saw.ended() && !server_saw.received.empty(); }));
    for (const Recorder* saw : {&client_saw, &server_saw}) {
      for (const std::thread::id id : saw->threads) {
        EXPECT_EQ(id, std::this_thread::get_id());
      }
    }
  });
  worker.join();
  EXPECT_GE(client_saw.total(), 2U);
}

TEST_F(TcpStreamTest, NeverCallsItsObserverInsideItsOwnCall) {
  connect_pair();
  server_saw.calling([&] { server->pause(); });
  client_saw.calling([&] { EXPECT_GT(client->write(as_bytes(much())), 0U); });
  server_saw.calling([&] { server->resume(); });
  client_saw.calling([&] { client->finish(); });
  EXPECT_TRUE(
      run_until(loop, [&] { return server_saw.ended() && client_saw.count(Event::Drained) > 0; }));
  server_saw.calling([&] { server->reset(); });
  EXPECT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
}

TEST_F(TcpStreamTest, SaysNothingAfterAbort) {
  connect_pair();
  client->write(as_bytes("on its way"));
  server->write(as_bytes("on its way"));
  const size_t before = server_saw.total();
  server->abort();
  server->abort();
  EXPECT_TRUE(run_until(loop, [&] { return client_saw.failed() || client_saw.ended(); }));
  EXPECT_EQ(server_saw.total(), before);
  EXPECT_EQ(server->write(as_bytes("to nobody")), 0U);
  server->pause();
  server->resume();
  server->finish();
  EXPECT_EQ(server->queued(), 0U);
}

TEST_F(TcpStreamTest, SaysNothingAfterAbortWhileConnectingOrWriting) {
  listen();
  dial();
  client->abort();
  retire(client);
  dial();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.opened() && server != nullptr; }));
  server->pause();
  EXPECT_GT(client->write(as_bytes(much())), 0U);
  const size_t before = client_saw.total();
  client->abort();
  EXPECT_EQ(client->queued(), 0U);
  server->resume();
  EXPECT_TRUE(run_until(loop, [&] { return server_saw.ended() || server_saw.failed(); }));
  EXPECT_EQ(client_saw.total(), before);
}

// Ends the client in its own callback for each kind of event in turn: by abort, and by retiring it.
TEST_F(TcpStreamTest, MayBeEndedInAnyCallback) {
  listen();
  for (const Event when : {Event::Open, Event::Bytes, Event::Drained, Event::End, Event::Failure}) {
    for (const bool by_retiring : {false, true}) {
      client_saw = {};
      size_t total_at_end = 0;
      client_saw.then = [&](Event event) {
        if (event == when) {
          total_at_end = client_saw.total();
          by_retiring ? retire(client) : client->abort();
        }
      };
      server_saw = {};
      server_saw.then = [&](Event) {};
      dial();
      ASSERT_TRUE(run_until(loop, [&] { return client_saw.opened() && server != nullptr; }));
      if (when == Event::Bytes) {
        server->write(as_bytes("x"));
      } else if (when == Event::Drained) {
        server->pause();
        client->write(as_bytes(much()));
        server->resume();
      } else if (when == Event::End) {
        server->finish();
      } else if (when == Event::Failure) {
        server->reset();
      }
      ASSERT_TRUE(run_until(loop, [&] { return total_at_end > 0; }));
      EXPECT_EQ(client == nullptr, by_retiring);
      retire(server);
      for (int turn = 0; turn < 5; ++turn) {
        loop.run_once(0);
      }
      EXPECT_EQ(client_saw.total(), total_at_end);
      retire(client);
    }
  }
}

TEST_F(TcpStreamTest, DeliversAtMostOneScratchBufferAfterPause) {
  connect_pair();
  server_saw.then = [&](Event) { server->pause(); };
  client->write(as_bytes(much()));
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.total() == 1; }));
  for (int turn = 0; turn < 20; ++turn) {
    loop.run_once(0);
  }
  EXPECT_EQ(server_saw.total(), 1U);
  EXPECT_LE(server_saw.received.size(), Loop::kScratchBytes);
  server_saw.then = nullptr;
  server->resume();
  server->resume();
  EXPECT_TRUE(run_until(loop, [&] { return server_saw.received.size() == much().size(); }));
  EXPECT_TRUE(server_saw.received == much());
}

TEST_F(TcpStreamTest, ReadsOnceInATurn) {
  connect_pair();
  client->write(as_bytes(std::string(8 * kMiB, 'x')));
  size_t most = 0;
  while (server_saw.received.size() < 8 * kMiB) {
    const size_t before = server_saw.received.size();
    ASSERT_TRUE(loop.run_once(1000));
    most = std::max(most, server_saw.received.size() - before);
  }
  EXPECT_LE(most, Loop::kScratchBytes);
}

TEST_F(TcpStreamTest, EchoesThroughASlowReaderWithinItsMarks) {
  constexpr size_t kHigh = 64 * kKiB;
  connect_pair();
  size_t most_queued = 0;
  size_t echoed = 0;
  server_saw.then = [&](Event event) {
    if (event == Event::Bytes) {
      const std::string_view fresh = std::string_view(server_saw.received).substr(echoed);
      echoed = server_saw.received.size();
      most_queued = std::max(most_queued, server->write(as_bytes(fresh)));
      if (server->queued() > kHigh) {
        server->pause();
      }
    } else if (event == Event::Drained) {
      server->resume();
    }
  };
  // Reads one buffer a turn, and sleeps through the first two hundred.
  struct Reader final : Deferred {
    TcpStream* stream = nullptr;
    Loop* on = nullptr;
    int turns = 0;
    void run() override { ++turns < 200 ? on->defer(*this) : stream->resume(); }
  } reader;
  reader.stream = client.get();
  reader.on = &loop;
  client_saw.then = [&](Event event) {
    if (event == Event::Bytes) {
      client->pause();
      loop.defer(reader);
    }
  };
  client->write(as_bytes(much()));
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.received.size() == much().size(); }));
  EXPECT_TRUE(client_saw.received == much());
  EXPECT_LE(client_saw.largest, Loop::kScratchBytes);
  EXPECT_LE(most_queued, kHigh + Loop::kScratchBytes);
  EXPECT_EQ(client_saw.count(Event::Drained), 1);
}

TEST_F(TcpStreamTest, StaysWritableAfterThePeersEnd) {
  connect_pair();
  client->finish();
  client->finish();
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.ended(); }));
  server->pause();
  server->resume();
  server->write(as_bytes("* BYE\r\n"));
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.received == "* BYE\r\n"; }));
  EXPECT_FALSE(client_saw.ended());
  server->finish();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.ended(); }));
  EXPECT_EQ(server_saw.count(Event::End), 1);
  EXPECT_FALSE(client_saw.failed() || server_saw.failed());
}

TEST_F(TcpStreamTest, FinishesOnlyAfterWhatIsQueued) {
  connect_pair();
  server->pause();
  EXPECT_GT(client->write(as_bytes(much())), 0U);
  client->finish();
  server->resume();
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.ended(); }));
  EXPECT_TRUE(server_saw.received == much());
}

TEST_F(TcpStreamTest, KeepsTheOrderOfWritesThatQueue) {
  connect_pair();
  server->pause();
  std::string sent = much();
  client->write(as_bytes(much()));
  for (int i = 0; i < 2000; ++i) {
    const std::string line = "a" + std::to_string(i) + " NOOP\r\n";
    sent += line;
    EXPECT_GT(client->write(as_bytes(line)), 0U);
  }
  server->resume();
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received.size() == sent.size(); }));
  EXPECT_TRUE(server_saw.received == sent);
}

TEST_F(TcpStreamTest, SendsWhatWasWrittenAheadWithTheNextWrite) {
  connect_pair();
  EXPECT_EQ(client->write_ahead(as_bytes("early ")), 0U);
  EXPECT_EQ(client->write(as_bytes("bird")), 0U);
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received == "early bird"; }));
  EXPECT_EQ(server_saw.count(Event::Bytes), 1);
}

TEST_F(TcpStreamTest, SendsWhatWasWrittenAheadEvenIfNothingFollows) {
  connect_pair();
  client->write_ahead(as_bytes("bird"));
  EXPECT_TRUE(run_until(loop, [&] { return server_saw.received == "bird"; }));
}

TEST_F(TcpStreamTest, ReportsAResetAsFailure) {
  connect_pair();
  server->reset();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
  EXPECT_STREQ(client_saw.failure.label(), "connection_reset");
  EXPECT_STREQ(client_saw.failure.during, "reading");
  EXPECT_FALSE(client_saw.ended());
}

TEST_F(TcpStreamTest, ReportsAWriteAfterResetOnceAndLater) {
  connect_pair();
  client->pause();  // so that only writing can find out
  server->reset();
  const auto writes = [&] {
    client_saw.calling([&] {
      EXPECT_EQ(client->write(as_bytes("into the void")), 0U);
      EXPECT_EQ(client->write(as_bytes("and again")), 0U);
    });
  };
  ASSERT_TRUE(run_until(loop, [&] {
    writes();
    return client_saw.count(Event::WriteFailure) > 0;
  }));
  EXPECT_STREQ(client_saw.write_failure.label(), "connection_reset");
  EXPECT_STREQ(client_saw.write_failure.during, "writing");
  for (int turn = 0; turn < 5; ++turn) {
    writes();
    loop.run_once(0);
  }
  EXPECT_EQ(client_saw.total(), 2U) << "opened, and one failure";
  EXPECT_EQ(client->owed(), 0U);
  client_saw.calling([&] { client->resume(); });
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.failed(); }));
  EXPECT_STREQ(client_saw.failure.label(), "connection_reset");
  EXPECT_EQ(client_saw.total(), 3U);
}

TEST_F(TcpStreamTest, ForgetsAnUnreportedFailureWhenAborted) {
  connect_pair();
  client->pause();
  server->reset();
  for (int turn = 0; turn < 20; ++turn) {
    client->write(as_bytes("into the void"));
    client->write(as_bytes("and again"));
    if (turn == 0) {
      client->abort();
    }
    loop.run_once(0);
  }
  EXPECT_EQ(client_saw.total(), 1U) << "only opened";
}

TEST_F(TcpStreamTest, ReportsAQueuedWriteThatFails) {
  connect_pair();
  server->pause();
  EXPECT_GT(client->write(as_bytes(much())), 0U);
  client->pause();
  server->reset();
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.count(Event::WriteFailure) > 0; }));
  EXPECT_EQ(client_saw.count(Event::Drained), 0);
  EXPECT_EQ(client->queued(), 0U);
}

TEST_F(TcpStreamTest, KeepsTheLoopGoingWhilePaused) {
  connect_pair();
  client->pause();
  server->pause();
  listener->close();
  loop.close_mailbox();
  for (int turn = 0; turn < 5; ++turn) {
    EXPECT_TRUE(loop.run_once(0));
  }
  retire(client);
  retire(server);
  loop.run();
}

TEST_F(TcpStreamTest, MayBeDestroyedOutsideOfCallbacksWithoutRetire) {
  connect_pair();
  server->pause();
  client->write(as_bytes(much()));
  client.reset();
  server.reset();
}

// The descriptor of the client, found by its name.
int descriptor_of(const Address& local) {
  for (int fd = 3; fd < 1024; ++fd) {
    if (local_name(fd) == local) {
      return fd;
    }
  }
  return -1;
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  getsockopt(fd, level, name, &value, &length);
  return value;
}

TEST_F(TcpStreamTest, SetsItsOptionsBothWhenItConnectsAndWhenAccepted) {
  const TcpOptions options{.keepalive_idle_s = 77, .user_timeout_ms = 8'000};
  listen({.accepted = options});
  dial(options);
  ASSERT_TRUE(run_until(loop, [&] { return client_saw.opened() && server != nullptr; }));
  listener->close();  // has the same name as the accepted socket
  for (const Address& local : {client->local(), server->local()}) {
    const int fd = descriptor_of(local);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 8'000);
  }
}

// After an exchange in both directions Linux delays an acknowledgement by 40 ms and more.
TEST_F(TcpStreamTest, AcknowledgesAtOnceWhenAsked) {
  connect_pair();
  for (int i = 0; i < 50; ++i) {
    server_saw.received.clear();
    client_saw.received.clear();
    client->write(as_bytes("command"));
    ASSERT_TRUE(run_until(loop, [&] { return server_saw.received == "command"; }));
    server->write(as_bytes("answer"));
    ASSERT_TRUE(run_until(loop, [&] { return client_saw.received == "answer"; }));
  }
  client->write(as_bytes("the first piece"));
  ASSERT_TRUE(run_until(loop, [&] { return server_saw.received.size() > 7; }));
  server->acknowledge();
  EXPECT_EQ(client->owed(), 0U);
}

}  // namespace
}  // namespace postern::net
