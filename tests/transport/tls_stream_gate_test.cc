// A TlsStream whose handshake waits for its turns.
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "proxy/net/failure.h"
#include "proxy/transport/tls_stream.h"
#include "tests/net/loopback.h"
#include "tests/support/certificates.h"
#include "tests/support/fake_stream.h"
#include "tests/support/scripted_backend.h"
#include "tls/context.h"

namespace postern {
namespace {

// A server's stream whose owner decides when the handshake is computed, and its client in memory.
class TlsStreamGate : public testing::Test, public HandshakeGate {
 protected:
  bool may_take() override {
    ++asked;
    return passes;
  }
  std::string flight() {
    std::string octets(as_text(client_workspace.outgoing()));
    client_workspace.clear();
    return octets;
  }
  // The client hears what the server has said, and has its next flight ready.
  void hear() {
    const std::string said = std::exchange(transport.received, {});
    client->feed(as_bytes(said));
    while (client->next() != tls::Engine::Event::NeedInput) {
    }
  }

  net::Loop loop;
  test::Authority authority;
  std::unique_ptr<tls::ServerContext> context = test::server_context(authority, {"localhost"});
  std::unique_ptr<tls::ClientContext> client_context = test::trusting_context();
  tls::Workspace workspace, client_workspace;
  std::unique_ptr<tls::Engine> client =
      tls::Engine::client(*client_context, client_workspace, "localhost");
  net::Recorder saw;
  std::unique_ptr<test::FakeStream> fake = std::make_unique<test::FakeStream>();
  test::FakeStream& transport = *fake;
  std::unique_ptr<TlsStream> stream = make();
  int asked = 0;
  bool passes = false;

 private:
  std::unique_ptr<TlsStream> make() {
    auto made = TlsStream::server(loop, std::move(fake), *context, workspace, {});
    made->observe(saw);
    made->guard(*this);
    return made;
  }
};

TEST_F(TlsStreamGate, LetsEachFlightPass) {
  passes = true;
  transport.say(flight());
  hear();
  transport.say(flight());
  EXPECT_TRUE(saw.opened());
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(transport.pauses, 0);
  ASSERT_TRUE(client->seal(as_bytes("a NOOP\r\n")));
  transport.say(flight());
  EXPECT_EQ(saw.received, "a NOOP\r\n");
  EXPECT_EQ(asked, 2) << "the handshake is over";
}

TEST_F(TlsStreamGate, HoldsEachFlightUntilItsTurn) {
  transport.say(flight());
  EXPECT_TRUE(transport.received.empty());
  stream->take_turn();
  hear();
  transport.say(flight());
  EXPECT_FALSE(saw.opened());
  stream->take_turn();
  EXPECT_TRUE(saw.opened());
  EXPECT_EQ(transport.pauses, 0);
}

TEST_F(TlsStreamGate, HoldsAHelloAtEverySplit) {
  const std::string hello = flight();
  transport.say(hello.substr(0, 1));
  for (size_t at = 1; at < hello.size(); ++at) {
    stream->take_turn();
    EXPECT_TRUE(transport.received.empty());
    transport.say(hello.substr(at, 1));
    if (saw.failed()) {
      break;  // too many pieces
    }
  }
  EXPECT_EQ(saw.failed(), hello.size() > TlsStream::kMostPieces);
}

TEST_F(TlsStreamGate, ReadsOnceMoreAtMostWhileItWaits) {
  transport.say("\x16\x03");
  EXPECT_FALSE(transport.paused);
  transport.say("\x01");
  EXPECT_TRUE(transport.paused);
  transport.say(std::string_view("\x00\x00", 2));
  EXPECT_EQ(transport.unread(), 2U);
  stream->take_turn();
  EXPECT_FALSE(transport.paused);
}

TEST_F(TlsStreamGate, ComputesNothingForAClientThatLeaves) {
  transport.say(flight());
  transport.end();
  EXPECT_TRUE(saw.failed());
  EXPECT_STREQ(saw.failure.label(), "truncated");
  EXPECT_TRUE(transport.received.empty());
}

TEST_F(TlsStreamGate, AFailureEndsTheWait) {
  transport.say(flight());
  transport.fail(net::net_error(-ECONNRESET, "reading"));
  EXPECT_TRUE(saw.failed());
}

}  // namespace
}  // namespace postern
