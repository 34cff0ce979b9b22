// Which handshakes an Engine refuses, and how it names the reason.
#include <array>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tls/engine.h"

namespace postern::tls {
namespace {

// The default server's verdict on a client, and the alert that the client got.
struct Outcome {
  bool failed;
  Failure failure;
  int client_reason;
};

Outcome meet(const RawPeer::Configure& configure, const ServerContext& context) {
  EnginePeer server(context);
  RawPeer client = RawPeer::client(configure);
  converse(client, server);
  return {server.failed, server.failure(), client.reason};
}

RawPeer::Configure max_version(uint16_t version) {
  return [version](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, version); };
}

TEST(Engine, RefusesOldVersionsByName) {
  const auto context = server_context();
  for (const uint16_t version : std::array<uint16_t, 2>{TLS1_VERSION, TLS1_1_VERSION}) {
    const Outcome outcome = meet(max_version(version), *context);
    EXPECT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.failure, Failure::UnsupportedVersion);
    EXPECT_EQ(outcome.client_reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
  }
  const auto modern = server_context(self_signed_store(), expect_value(Policy::preset("modern")));
  const Outcome outcome = meet(max_version(TLS1_2_VERSION), *modern);
  EXPECT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.failure, Failure::UnsupportedVersion);
}

TEST(Engine, RefusesUnsafeSuitesByName) {
  const auto context = server_context();
  for (const char* list : {"TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                           "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}) {
    const Outcome outcome = meet(
        [&](SSL_CTX* ctx) {
          SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
          ASSERT_EQ(SSL_CTX_set_strict_cipher_list(ctx, list), 1);
        },
        *context);
    EXPECT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.failure, Failure::NoSharedCipher) << list;
    EXPECT_EQ(outcome.client_reason, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
  }
}

TEST(Engine, RefusesUnknownGroupsByName) {
  const Outcome outcome = meet(
      [](SSL_CTX* ctx) {
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
        ASSERT_EQ(SSL_CTX_set1_curves_list(ctx, "P-521"), 1);
      },
      *server_context());
  EXPECT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.failure, Failure::NoSharedGroup);
}

TEST(Engine, RefusesClientsThatCannotVerifyItsSignature) {
  const uint16_t pss[] = {SSL_SIGN_RSA_PSS_RSAE_SHA256};
  const Outcome outcome = meet(
      [&](SSL_CTX* ctx) {
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
        ASSERT_EQ(SSL_CTX_set_verify_algorithm_prefs(ctx, pss, 1), 1);
      },
      *server_context());
  EXPECT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.failure, Failure::NoSharedSignature);
}

RawPeer::Configure offer(std::string protocols) {
  return [protocols](SSL_CTX* ctx) {
    const Bytes list = as_bytes(protocols);
    SSL_CTX_set_alpn_protos(ctx, list.data(), static_cast<unsigned>(list.size()));
  };
}

TEST(Engine, InsistsOnImapWhereAlpnIsOffered) {
  const auto context = server_context();
  for (const uint16_t version : std::array<uint16_t, 2>{TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Outcome outcome = meet(
        [&](SSL_CTX* ctx) {
          max_version(version)(ctx);
          offer("\x02h2\x08http/1.1")(ctx);
        },
        *context);
    EXPECT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.failure, Failure::NoApplicationProtocol);
    EXPECT_EQ(outcome.client_reason, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
  }
}

TEST(Engine, KeepsTheOfferOfAClientWithoutImap) {
  for (const bool strict : {true, false}) {
    ServerSettings settings = server_context()->settings();
    settings.strict_alpn = strict;
    const auto context = expect_value(ServerContext::make(std::move(settings)));
    EnginePeer server(*context);
    RawPeer client = RawPeer::client(offer("\x02h2\x08http/1.1"));
    converse(client, server);
    EXPECT_EQ(server.failed, strict);
    EXPECT_EQ(server.engine->open(), !strict);
    ASSERT_NE(server.engine->hello().alpn_offer, nullptr);
    EXPECT_EQ(*server.engine->hello().alpn_offer, "h2,http/1.1");
  }
}

TEST(Engine, CutsALongOffer) {
  std::string list;
  for (int i = 0; i < 200; ++i) {
    list += "\x0cprotocol-xyz";
  }
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client(offer(list));
  converse(client, server);
  ASSERT_NE(server.engine->hello().alpn_offer, nullptr);
  EXPECT_EQ(server.engine->hello().alpn_offer->size(), 103U) << "with its dots";
}

TEST(Engine, NotesTheHighestVersionOnOffer) {
  const auto context = server_context();
  for (const auto& [wire, version] : {std::pair{TLS1_VERSION, Version::Tls10},
                                      {TLS1_1_VERSION, Version::Tls11},
                                      {TLS1_2_VERSION, Version::Tls12},
                                      {TLS1_3_VERSION, Version::Tls13}}) {
    EnginePeer server(*context);
    RawPeer client = RawPeer::client(max_version(static_cast<uint16_t>(wire)));
    converse(client, server);
    EXPECT_EQ(server.engine->hello().highest_offer, version);
  }
}

TEST(Engine, PicksImapAmongWhatIsOffered) {
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client(offer("\x02h2\x04imap"));
  converse(client, server);
  ASSERT_TRUE(client.open());
  const uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.ssl.get(), &name, &size);
  EXPECT_EQ(as_text({name, size}), "imap");
}

TEST(Engine, NamesPlaintextOnTheTlsPort) {
  const auto context = server_context();
  const std::pair<std::string, Failure> cases[] = {
      {"a1 LOGIN joe secret\r\n", Failure::PlaintextImap},
      {"GET / HTTP/1.1\r\n", Failure::PlaintextHttp},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Failure::ProxyHeader},
      {std::string("\r\n\r\n\0\r\nQUIT\n", 12), Failure::ProxyHeader},
      {std::string(100, '\0'), Failure::NotTls},
      {"G", Failure::NotTls},
  };
  for (const auto& [text, failure] : cases) {
    EnginePeer server(*context);
    server.take(text);
    EXPECT_TRUE(server.failed);
    EXPECT_EQ(server.failure(), failure) << text;
    EXPECT_EQ(server.wire, "");  // no alert: the peer would not understand it
  }
}

TEST(Engine, AnswersTheHelloOfSslv2WithAVersionAlert) {
  const auto context = server_context();
  EnginePeer server(*context);
  server.take(std::string("\x80\x2e\x01\x03\x01\x00\x15\x00", 8));
  EXPECT_EQ(server.failure(), Failure::UnsupportedVersion);
  EXPECT_EQ(server.wire, std::string("\x15\x03\x01\x00\x02\x02\x46", 7));
}

TEST(Engine, NamesABackendThatSpeaksPlainImap) {
  const auto context = client_context();
  EnginePeer client(*context, "mail.example.org");
  client.take("* OK [CAPABILITY IMAP4rev1] ready\r\n");
  EXPECT_TRUE(client.failed);
  EXPECT_EQ(client.failure(), Failure::PlaintextImap);
}

TEST(Engine, NamesABackendThatIsTooOld) {
  const test::Issued rsa = test::self_signed({.names = {"old"}, .key = test::TestKey::Rsa2048});
  const auto context = client_context();  // 1.2 at least
  RawPeer server = RawPeer::server(rsa, max_version(TLS1_1_VERSION));
  EnginePeer client(*context, "old");
  converse(client, server);
  EXPECT_TRUE(client.failed);
  EXPECT_EQ(client.failure(), Failure::UnsupportedVersion);
}

TEST(Engine, NamesAlertsOfThePeer) {
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client([](SSL_CTX* ctx) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);  // and no authority is trusted
  });
  converse(client, server);
  EXPECT_TRUE(server.failed);
  EXPECT_EQ(server.failure(), Failure::PeerRejectedCertificate);
}

TEST(Engine, NamesAnEndInsideTheHandshake) {
  const auto context = server_context();
  for (const size_t size : {0U, 1U, 50U}) {
    EnginePeer server(*context);
    EnginePeer client(*client_context(), "");
    server.take(client.wire.substr(0, size));
    server.end();
    EXPECT_TRUE(server.failed);
    EXPECT_EQ(server.failure(), Failure::Truncated);
    EXPECT_STREQ(server.engine->error().during, "in the TLS handshake");
  }
}

TEST(Engine, SurvivesGarbageAfterEveryPrefixOfAHandshake) {
  const auto context = server_context();
  const auto clients = client_context();
  EnginePeer sample(*clients, "mail.example.org");
  std::mt19937 random(7);
  for (size_t size = 0; size < sample.wire.size(); size += 3) {
    EnginePeer server(*context);
    std::string octets = sample.wire.substr(0, size);
    octets += static_cast<char>(random());
    octets += std::string(300, static_cast<char>(random()));
    server.take(octets);
    server.end();
    EXPECT_TRUE(server.failed);
  }
}

TEST(Engine, SurvivesOddServerNames) {
  const auto context = server_context();
  const std::string names[] = {"mail.example.org.",
                               "MAIL.EXAMPLE.ORG",
                               "192.0.2.1",
                               "2001:db8::1",
                               "[::1]",
                               ".",
                               "*.example.org",
                               "..",
                               std::string(253, 'a'),
                               std::string(255, 'b'),
                               "\xff\xfe"};
  for (const std::string& name : names) {
    EnginePeer server(*context);
    RawPeer client = RawPeer::client({}, name);
    converse(client, server);
    EXPECT_TRUE(client.open() && server.engine->open()) << name;
    const size_t root = name.ends_with('.') ? 1 : 0;  // its dot is dropped
    EXPECT_EQ(server.engine->server_name().size(), name.size() - root);
  }
}

// BoringSSL's client sends no such name, so it is put into the octets of a ClientHello.
TEST(Engine, RefusesAServerNameWithNul) {
  const auto context = server_context();
  EnginePeer server(*context);
  RawPeer client = RawPeer::client({}, "mail.example.org");
  const size_t at = client.wire.find("mail.example.org");
  ASSERT_NE(at, std::string::npos);
  client.wire[at + 4] = '\0';
  server.take(client.wire);
  EXPECT_TRUE(server.failed);
  EXPECT_EQ(server.failure(), Failure::ProtocolError);
  EXPECT_NE(server.wire, "");
}

}  // namespace
}  // namespace postern::tls
