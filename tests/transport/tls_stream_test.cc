#include "proxy/transport/tls_stream.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/net/loopback.h"
#include "tests/support/certificates.h"
#include "tests/support/fake_stream.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"
#include "tls/context.h"

namespace postern {
namespace {

using net::Event;
using net::much;
using test::run_until;

// Two ends of a TLS connection over a real socket; each test runs with either end as the one under
// test. net::Recorder fails the test when rule 2 or 3 of the contract is broken.
class TlsStreamTest : public net::Loopback, public testing::WithParamInterface<bool> {
 protected:
  void begin() {
    connect_pair();
    transport_of[0] = client.get();
    transport_of[1] = server.get();
    saw[1] = &tls_server_saw;
    streams[1] = TlsStream::server(loop, std::move(server), *server_context, workspace, {});
    streams[1]->observe(tls_server_saw);
    saw[0] = &tls_client_saw;
    streams[0] =
        TlsStream::client(loop, std::move(client), *client_context, other_workspace, "localhost");
    streams[0]->observe(tls_client_saw);
  }

  void open() {
    begin();
    ASSERT_TRUE(run_until(loop, [&] { return mine_saw().opened() && other_saw().opened(); }));
  }

  TlsStream& mine() { return *streams[GetParam() ? 1 : 0]; }
  TlsStream& other() { return *streams[GetParam() ? 0 : 1]; }
  net::Recorder& mine_saw() { return *saw[GetParam() ? 1 : 0]; }
  net::Recorder& other_saw() { return *saw[GetParam() ? 0 : 1]; }
  net::TcpStream& others_transport() { return *transport_of[GetParam() ? 0 : 1]; }

  void settle() {  // until nothing more can happen
    int turns = 0;
    EXPECT_TRUE(run_until(loop, [&] {
      const bool done = ++turns > 20;
      loop.post([] {});
      return done;
    }));
  }

  test::Authority authority;
  std::unique_ptr<tls::ServerContext> server_context =
      test::server_context(authority, {"localhost"});
  std::unique_ptr<tls::ClientContext> client_context = test::trusting_context();
  tls::Workspace workspace;
  tls::Workspace other_workspace;
  net::Recorder tls_client_saw;
  net::Recorder tls_server_saw;
  net::Recorder* saw[2] = {};
  net::TcpStream* transport_of[2] = {};
  std::unique_ptr<TlsStream> streams[2];
};

INSTANTIATE_TEST_SUITE_P(Role, TlsStreamTest, testing::Bool(),
                         [](const auto& role) { return role.param ? "Server" : "Client"; });

TEST_P(TlsStreamTest, OpensOnceAndCarriesBytesBothWays) {
  open();
  mine_saw().calling([&] { EXPECT_EQ(mine().write(as_bytes("a1 NOOP\r\n")), 0U); });
  other_saw().calling([&] { EXPECT_EQ(other().write(as_bytes("* OK\r\n")), 0U); });
  EXPECT_TRUE(run_until(loop, [&] {
    return mine_saw().received == "* OK\r\n" && other_saw().received == "a1 NOOP\r\n";
  }));
  EXPECT_EQ(mine_saw().count(Event::Open), 1);
  EXPECT_EQ(mine_saw().count(Event::Drained), 0);
}

TEST_P(TlsStreamTest, CarriesEightMegabytesToASlowReader) {
  open();
  mine_saw().then = [&](Event event) {
    if (event == Event::Bytes) {  // one read at a time
      mine().pause();
    }
  };
  size_t queued = 0;
  other_saw().calling([&] { queued = other().write(as_bytes(much())); });
  EXPECT_GT(queued, 0U);
  EXPECT_EQ(other().queued(), queued);
  EXPECT_TRUE(run_until(
      loop,
      [&] {
        mine_saw().calling([&] { mine().resume(); });
        return mine_saw().received.size() == much().size() &&
               other_saw().count(Event::Drained) == 1;
      },
      60'000));
  EXPECT_EQ(mine_saw().received, much());
  EXPECT_EQ(other().queued(), 0U);
}

TEST_P(TlsStreamTest, DeliversAtMostOneScratchAfterPause) {
  open();
  mine().pause();
  other().write(as_bytes(much()));
  settle();
  EXPECT_EQ(mine_saw().received.size(), 0U);
  mine_saw().then = [&](Event) { mine().pause(); };
  mine().resume();
  EXPECT_TRUE(run_until(loop, [&] { return !mine_saw().received.empty(); }));
  settle();
  EXPECT_LE(mine_saw().received.size(), net::Loop::kScratchBytes);
}

TEST_P(TlsStreamTest, ReportsCloseNotifyAsEndAndStillTakesWrites) {
  open();
  other_saw().calling([&] {
    other().write(as_bytes("last words"));
    other().finish();
    other().finish();
  });
  ASSERT_TRUE(run_until(loop, [&] { return mine_saw().ended(); }));
  EXPECT_EQ(mine_saw().received, "last words");
  mine().write(as_bytes("answer"));
  mine().finish();
  ASSERT_TRUE(run_until(loop, [&] { return other_saw().ended(); }));
  EXPECT_EQ(other_saw().received, "answer");
  EXPECT_EQ(mine_saw().count(Event::End), 1);
  EXPECT_FALSE(mine_saw().failed());
}

TEST_P(TlsStreamTest, ReportsAnEndWithoutCloseNotifyAsEndAndStillTakesWrites) {
  open();
  others_transport().finish();
  ASSERT_TRUE(run_until(loop, [&] { return mine_saw().ended(); }));
  mine_saw().calling([&] { mine().write(as_bytes("answer")); });
  ASSERT_TRUE(run_until(loop, [&] { return other_saw().received == "answer"; }));
  mine_saw().calling([&] { mine().finish(); });
  ASSERT_TRUE(run_until(loop, [&] { return other_saw().ended(); }));
  EXPECT_EQ(mine_saw().count(Event::End), 1);
  EXPECT_FALSE(mine_saw().failed());
}

TEST_P(TlsStreamTest, DeliversWhatIsQueuedBeforeItFinishes) {
  open();
  mine().pause();
  other().write(as_bytes(much()));
  other().finish();
  mine().resume();
  ASSERT_TRUE(run_until(
      loop, [&] { return mine_saw().ended(); }, 30'000));
  EXPECT_EQ(mine_saw().received.size(), much().size());
}

TEST_P(TlsStreamTest, FailsWhenTheHandshakeIsBrokenOff) {
  begin();
  other().abort();
  ASSERT_TRUE(run_until(loop, [&] { return mine_saw().failed() || mine_saw().opened(); }));
  EXPECT_TRUE(mine_saw().failed());
}

TEST_P(TlsStreamTest, ReportsAResetAsFailureAndNothingAfter) {
  open();
  others_transport().reset();
  ASSERT_TRUE(run_until(loop, [&] { return mine_saw().failed(); }));
  mine_saw().calling([&] {
    EXPECT_EQ(mine().write(as_bytes("too late")), 0U);
    mine().finish();
    mine().abort();
  });
  settle();
}

TEST_P(TlsStreamTest, ReportsAFailureFoundByWriteLater) {
  open();
  mine().pause();  // so that reading cannot find it first
  others_transport().reset();
  // The first write after the RST has arrived fails inside the call.
  EXPECT_TRUE(run_until(loop, [&] {
    mine_saw().calling([&] { mine().write(as_bytes("anybody there?")); });
    return mine_saw().count(Event::WriteFailure) > 0;
  }));
  EXPECT_FALSE(mine_saw().failed());
  mine_saw().calling([&] { mine().resume(); });
  EXPECT_TRUE(run_until(loop, [&] { return mine_saw().failed(); }));
  EXPECT_EQ(mine_saw().count(Event::WriteFailure), 1);
}

TEST_P(TlsStreamTest, ReadsEverythingFromAPeerThatAcceptsNoMore) {
  open();
  other().pause();
  mine().write(as_bytes("a literal that is not read"));
  mine().pause();  // as if its reader were slow
  const std::string said = std::string(40 * kKiB, 'x') + "* BYE too big\r\n";
  ASSERT_EQ(other().write(as_bytes(said)), 0U);
  other().abort();  // with bytes unread, which resets the connection
  EXPECT_TRUE(run_until(loop, [&] {
    mine().write(as_bytes("more of it"));
    return mine_saw().count(Event::WriteFailure) > 0;
  }));
  EXPECT_TRUE(mine().hung_up());
  EXPECT_EQ(mine().owed(), 0U);
  mine().resume();
  EXPECT_TRUE(run_until(loop, [&] { return mine_saw().failed(); }));
  EXPECT_EQ(mine_saw().received, said);
}

TEST_P(TlsStreamTest, SeesThatAPausedPeerHasHungUp) {
  open();
  settle();
  mine().pause();
  EXPECT_FALSE(mine().hung_up());
  other().write(as_bytes("last words"));
  other().finish();
  EXPECT_TRUE(run_until(loop, [&] {
    loop.post([] {});
    return mine().hung_up();
  }));
  EXPECT_EQ(mine_saw().received, "");
}

TEST_P(TlsStreamTest, OwesWhatIsQueuedAndWhatTheKernelHas) {
  open();
  other().pause();
  const size_t queued = mine().write(as_bytes(much()));
  EXPECT_GE(mine().owed(), queued);
  other().resume();
  EXPECT_TRUE(run_until(
      loop, [&] { return other_saw().received.size() == much().size(); }, 30'000));
  EXPECT_TRUE(run_until(loop, [&] { return mine().owed() == 0; }));
}

TEST_P(TlsStreamTest, FailsAndAlertsThePeerWhenARecordIsForged) {
  open();
  others_transport().write(as_bytes(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x')));
  ASSERT_TRUE(run_until(loop, [&] { return mine_saw().failed() && other_saw().failed(); }));
  EXPECT_STREQ(mine_saw().failure.label(), "decrypt_error");
  EXPECT_STREQ(other_saw().failure.label(), "peer_alert");
}

TEST_P(TlsStreamTest, EndsQuietlyWhenGarbageComesAfterFinish) {
  open();
  mine().finish();
  others_transport().write(as_bytes(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x')));
  EXPECT_TRUE(run_until(loop, [&] { return mine_saw().failed(); }));
}

TEST_P(TlsStreamTest, MayBeFinishedBeforeTheHandshakeIsOver) {
  begin();
  mine_saw().calling([&] { mine().finish(); });
  EXPECT_TRUE(run_until(loop, [&] { return other_saw().failed() || other_saw().ended(); }));
  settle();
}

TEST_P(TlsStreamTest, SaysNothingMoreOnceAbortedWhenOpened) {
  begin();
  mine_saw().then = [&](Event) { mine().abort(); };
  other_saw().then = [&](Event event) {
    if (event == Event::Open) {
      other().write(as_bytes("hello"));
    }
  };
  EXPECT_TRUE(run_until(loop, [&] { return other_saw().ended() || other_saw().failed(); }));
  EXPECT_EQ(mine_saw().total(), 1U);
}

TEST_P(TlsStreamTest, SaysNothingMoreOnceAbortedInBytes) {
  open();
  mine_saw().then = [&](Event) { mine().abort(); };
  other().write(as_bytes("one"));
  other().finish();  // an end that would be next
  EXPECT_TRUE(run_until(loop, [&] { return other_saw().ended() || other_saw().failed(); }));
  EXPECT_EQ(mine_saw().count(Event::Bytes), 1);
  EXPECT_EQ(mine_saw().count(Event::End), 0);
}

TEST_P(TlsStreamTest, SaysNothingMoreOnceAbortedInDrained) {
  open();
  mine_saw().then = [&](Event event) {
    if (event == Event::Drained) {
      mine().abort();
    }
  };
  mine().write(as_bytes(much()));
  EXPECT_TRUE(run_until(
      loop, [&] { return other_saw().ended() || other_saw().failed(); }, 30'000));
  EXPECT_EQ(mine_saw().count(Event::Drained), 1);
  EXPECT_EQ(mine_saw().count(Event::End), 0);
}

TEST_P(TlsStreamTest, MayBeRetiredInEnd) {
  open();
  mine_saw().then = [&](Event event) {
    if (event == Event::End) {
      mine().abort();
      loop.retire(std::move(streams[GetParam() ? 1 : 0]));
    }
  };
  other().finish();
  EXPECT_TRUE(run_until(loop, [&] { return other_saw().ended() || other_saw().failed(); }));
}

TEST_P(TlsStreamTest, MayBeRetiredInFailure) {
  open();
  mine_saw().then = [&](Event event) {
    if (event == Event::Failure) {
      loop.retire(std::move(streams[GetParam() ? 1 : 0]));
    }
  };
  others_transport().reset();
  EXPECT_TRUE(run_until(loop, [&] { return mine_saw().failed(); }));
  settle();
}

// ---- bytes that were read before the stream was made
using TlsStreamEarly = TlsStreamTest;
INSTANTIATE_TEST_SUITE_P(Role, TlsStreamEarly, testing::Values(true),
                         [](const auto&) { return "Server"; });

TEST_P(TlsStreamEarly, BelongToTheHandshake) {
  connect_pair();
  streams[0] =
      TlsStream::client(loop, std::move(client), *client_context, other_workspace, "localhost");
  streams[0]->observe(tls_client_saw);
  ASSERT_TRUE(run_until(loop, [&] { return !server_saw.received.empty(); }));
  server_saw.calling([&] {
    streams[1] = TlsStream::server(loop, std::move(server), *server_context, workspace,
                                   as_bytes(server_saw.received));
    streams[1]->observe(tls_server_saw);
  });
  EXPECT_FALSE(tls_server_saw.opened());
  EXPECT_TRUE(run_until(loop, [&] { return tls_server_saw.opened() && tls_client_saw.opened(); }));
}

// In TLS 1.2 the last flight is the server's, and here it comes after finish().
TEST(TlsStreamGreeter, SaysNothingMoreOnceItsSideIsOver) {
  net::Loop loop;
  test::Authority authority;
  const auto server_context = test::server_context(authority, {"localhost"});
  tls::Policy policy = tls::Policy::toward_backend(tls::Version::Tls12);
  policy.max_version = tls::Version::Tls12;
  tls::Verification none;
  none.mode = tls::Verification::Mode::None;
  const auto client_context =
      tls::ClientContext::make({.policy = policy, .verifier = tls::load_verifier(none).value()});
  ASSERT_TRUE(client_context);
  tls::Workspace workspace, other_workspace;
  net::Recorder saw;
  auto fake = std::make_unique<test::FakeStream>();
  test::FakeStream& transport = *fake;
  const auto stream = TlsStream::server(loop, std::move(fake), *server_context, workspace, {},
                                        /*greets=*/true);
  stream->observe(saw);
  const auto peer = tls::Engine::client(*client_context.value(), other_workspace, "localhost");
  const auto say = [&] {
    const std::string flight(as_text(other_workspace.outgoing()));
    other_workspace.clear();
    transport.say(flight);
  };
  say();
  stream->finish();
  peer->feed(as_bytes(transport.received));
  EXPECT_EQ(peer->next(), tls::Engine::Event::NeedInput);
  say();  // the handshake's end, from the client's side
  EXPECT_TRUE(saw.opened());
}

TEST_P(TlsStreamEarly, KeepTheirOrderWhateverTheTurnBrings) {
  auto fake = std::make_unique<test::FakeStream>();
  test::FakeStream& transport = *fake;
  streams[1] =
      TlsStream::server(loop, std::move(fake), *server_context, workspace, as_bytes("a1 "));
  streams[1]->observe(tls_server_saw);
  transport.say("NOOP\r\n");
  transport.end();
  EXPECT_TRUE(tls_server_saw.failed());
  EXPECT_STREQ(tls_server_saw.failure.label(), "plaintext_imap");
}

TEST_P(TlsStreamEarly, ArriveEvenIfTheEndComesFirst) {
  connect_pair();
  client->write(as_bytes("a1 NOOP\r\n"));
  ASSERT_TRUE(run_until(loop, [&] { return !server_saw.received.empty(); }));
  streams[1] = TlsStream::server(loop, std::move(server), *server_context, workspace,
                                 as_bytes(server_saw.received));
  streams[1]->observe(tls_server_saw);
  client->abort();
  ASSERT_TRUE(run_until(loop, [&] { return tls_server_saw.failed(); }));
  EXPECT_STREQ(tls_server_saw.failure.label(), "plaintext_imap");
}

}  // namespace
}  // namespace postern
