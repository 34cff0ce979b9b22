#include "tls/engine.h"

#include <array>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"

namespace postern::tls {
namespace {

Policy only(Version version) {
  Policy policy = Policy::toward_backend(version);
  policy.max_version = version;
  return policy;
}

std::string noise(size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) {
    c = static_cast<char>(random());
  }
  return text;
}

// Server and client engines of the versions that clients use today.
class Engines : public testing::TestWithParam<Version> {
 protected:
  const std::unique_ptr<ServerContext> server_context_ = server_context();
  const std::unique_ptr<ClientContext> client_context_ = client_context(only(GetParam()));
  EnginePeer server_{*server_context_};
  EnginePeer client_{*client_context_, "mail.example.org"};
};
INSTANTIATE_TEST_SUITE_P(Engine, Engines, testing::Values(Version::Tls12, Version::Tls13),
                         [](const auto& version) {
                           return version.param == Version::Tls12 ? "Tls12" : "Tls13";
                         });

TEST_P(Engines, ShakeHandsAndTalk) {
  converse(client_, server_);
  ASSERT_TRUE(client_.engine->open() && server_.engine->open());
  EXPECT_EQ(server_.opened, 1U);
  EXPECT_EQ(client_.opened, 1U);
  server_.send("* OK hello\r\n");
  client_.send("a1 NOOP\r\n");
  converse(client_, server_);
  EXPECT_EQ(client_.received, "* OK hello\r\n");
  EXPECT_EQ(server_.received, "a1 NOOP\r\n");
}

TEST_P(Engines, DescribeTheHandshake) {
  converse(client_, server_);
  for (const EnginePeer* peer : {&client_, &server_}) {
    const Handshake handshake = peer->engine->handshake();
    EXPECT_EQ(handshake.version, GetParam());
    EXPECT_STREQ(cipher_names()[handshake.cipher], GetParam() == Version::Tls13
                                                       ? "TLS_AES_128_GCM_SHA256"
                                                       : "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    const std::string group = group_names()[handshake.group];
    EXPECT_TRUE(group == "X25519" || group == "X25519MLKEM768") << group;
    EXPECT_FALSE(handshake.resumed);
    EXPECT_EQ(peer->engine->server_name(), "mail.example.org");
  }
  const int64_t end = server_context_->settings().certificates->describe().front().not_after;
  EXPECT_EQ(client_.engine->peer_lifetime().not_after, end);
  EXPECT_EQ(server_.engine->peer_lifetime().not_after, 0);
}

TEST(Engine, DropsTheRootsDotOfTheNameThatTheClientAsksFor) {
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client({}, "Mail.example.org.");
  converse(client, server);
  ASSERT_TRUE(server.engine->open());
  EXPECT_EQ(server.engine->server_name(), "mail.example.org");
  EXPECT_EQ(server.engine->client_facts().server_name, "Mail.example.org");
}

TEST_P(Engines, TakeEveryOctetAlone) {
  converse(client_, server_, 1);
  ASSERT_TRUE(client_.engine->open() && server_.engine->open());
  server_.send("* OK hello\r\n");
  converse(client_, server_, 1);
  EXPECT_EQ(client_.received, "* OK hello\r\n");
}

TEST_P(Engines, TakePiecesOfAnySize) {
  for (const size_t step : {2U, 3U, 5U, 6U, 7U, 64U, 517U, 1400U}) {
    EnginePeer server(*server_context_);
    EnginePeer client(*client_context_, "mail.example.org");
    converse(client, server, step);
    ASSERT_TRUE(client.engine->open() && server.engine->open()) << step;
    const std::string text = noise(40000, static_cast<unsigned>(step));
    server.send(text);
    converse(client, server, step);
    EXPECT_TRUE(client.received == text) << step;
  }
}

TEST_P(Engines, CarryTenMegabytesUnchanged) {
  converse(client_, server_);
  const std::string text = noise(10 * kMiB);
  ASSERT_TRUE(server_.send(text));
  converse(client_, server_, 64 * kKiB);
  EXPECT_TRUE(client_.received == text);
  // Four records of 16 KiB a time, not one.
  EXPECT_LT(client_.plaintext_events, 10 * kMiB / (48 * kKiB));
}

TEST_P(Engines, SealFullRecords) {
  converse(client_, server_);
  server_.send("greeting");  // takes the tickets with it
  server_.wire.clear();
  ASSERT_TRUE(server_.send(noise(64 * kKiB)));
  constexpr size_t kMaxOverhead = 32;
  EXPECT_LE(server_.wire.size(), 64 * kKiB + 4 * kMaxOverhead);
}

TEST_P(Engines, EndByCloseNotifyBothWays) {
  converse(client_, server_);
  client_.close();
  converse(client_, server_);
  EXPECT_TRUE(server_.ended);
  EXPECT_FALSE(client_.ended);
  ASSERT_TRUE(server_.send("* BYE\r\n"));  // half-closed: the other direction still works
  server_.close();
  converse(client_, server_);
  EXPECT_EQ(client_.received, "* BYE\r\n");
  EXPECT_TRUE(client_.ended);
  client_.end();
  EXPECT_FALSE(client_.failed);
}

TEST_P(Engines, DistinguishTruncationFromAnEnd) {
  converse(client_, server_);
  server_.send("* OK hel");
  server_.wire.resize(server_.wire.size() - 1);
  converse(client_, server_);
  EXPECT_FALSE(client_.failed);
  client_.end();
  EXPECT_TRUE(client_.failed);
  EXPECT_EQ(client_.failure(), Failure::Truncated);
}

TEST_P(Engines, GivePlaintextBeforeTheFailureThatFollowsIt) {
  converse(client_, server_);
  server_.send("good");
  server_.send("forged");
  server_.wire.back() ^= 1;
  converse(server_, client_);
  EXPECT_EQ(client_.received, "good");
  EXPECT_TRUE(client_.failed);
  EXPECT_EQ(client_.failure(), Failure::DecryptError);
  EXPECT_STREQ(client_.engine->error().during, "reading TLS");
  EXPECT_TRUE(server_.failed);  // by the client's alert
  EXPECT_EQ(server_.failure(), Failure::PeerAlert);
  EXPECT_FALSE(client_.send("more"));
  EXPECT_EQ(client_.failure(), Failure::DecryptError);
}

TEST_P(Engines, CloseBeforeOpenAndAfterFailureIsHarmless) {
  server_.close();
  EXPECT_TRUE(server_.wire.empty());
  server_.take("GET / HTTP/1.0\r\n");
  EXPECT_TRUE(server_.failed);
  server_.close();
  EXPECT_TRUE(server_.wire.empty());
  EXPECT_EQ(server_.engine->next(), Engine::Event::Failed);
}

TEST_P(Engines, ShareOneWorkspace) {
  converse(client_, server_);
  Workspace workspace;
  const auto one = Engine::server(*server_context_, workspace);
  const auto other = Engine::server(*server_context_, workspace);
  EnginePeer client(*client_context_, "");
  const std::string hello = std::exchange(client.wire, "");
  one->feed(as_bytes(hello).first(100));
  EXPECT_EQ(one->next(), Engine::Event::NeedInput);
  other->feed(as_bytes(hello));
  EXPECT_EQ(other->next(), Engine::Event::NeedInput);
  const std::string flight(as_text(workspace.outgoing()));
  workspace.clear();
  one->feed(as_bytes(hello).subspan(100));
  EXPECT_EQ(one->next(), Engine::Event::NeedInput);
  EXPECT_FALSE(workspace.outgoing().empty());
  client.take(flight);
  EXPECT_FALSE(client.failed);
}

// What follows Open in TLS 1.3 leaves with the first plaintext: the client gets the greeting one
// flight after its Finished, and its tickets in the same packet.
TEST(Engine, TicketsLeaveWithTheGreeting) {
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client();
  server.take(std::exchange(client.wire, ""));
  client.take(std::exchange(server.wire, ""));
  server.take(std::exchange(client.wire, ""));
  ASSERT_TRUE(server.engine->open());
  EXPECT_EQ(server.wire, "");
  server.send("* OK hello\r\n");
  EXPECT_EQ(*client.session, nullptr);
  client.take(std::exchange(server.wire, ""));
  EXPECT_NE(*client.session, nullptr);
  EXPECT_EQ(client.received, "* OK hello\r\n");
}

TEST(Engine, FollowsKeyUpdates) {
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client();
  converse(client, server);
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(SSL_key_update(client.ssl.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    client.send("ping");
    converse(client, server);
    server.send("pong");
    converse(client, server);
  }
  EXPECT_EQ(server.received, "pingpingping");
  EXPECT_EQ(client.received, "pongpongpong");
}

TEST(Engine, TalksToServersOfEveryAge) {
  const test::Issued rsa = test::self_signed({.names = {"old"}, .key = test::TestKey::Rsa2048});
  const auto context = client_context(Policy::toward_backend(Version::Tls10));
  for (const uint16_t version :
       std::array<uint16_t, 3>{TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION}) {
    for (const char* suite : {"TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                              "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"}) {
      RawPeer server = RawPeer::server(rsa, [&](SSL_CTX* ctx) {
        SSL_CTX_set_max_proto_version(ctx, version);
        ASSERT_EQ(SSL_CTX_set_strict_cipher_list(ctx, suite), 1);
      });
      EnginePeer client(*context, "old");
      converse(client, server);
      ASSERT_TRUE(client.engine->open()) << suite << client.engine->error().text();
      EXPECT_STREQ(cipher_names()[client.engine->handshake().cipher], suite);
      EXPECT_EQ(static_cast<int>(client.engine->handshake().version), version - TLS1_VERSION);
      server.send("* OK old\r\n");
      client.send("a NOOP\r\n");
      converse(client, server);
      EXPECT_EQ(client.received, "* OK old\r\n");
      EXPECT_EQ(server.received, "a NOOP\r\n");
    }
  }
}

}  // namespace
}  // namespace postern::tls
