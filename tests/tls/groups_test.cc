// Key exchange: which group is taken with which peer, in one hello or in two, and which hellos are
// large or in many pieces. The post-quantum tests need a BoringSSL that has the group.
#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tls/engine.h"
#include "tls/internal/suites.h"

namespace postern::tls {
namespace {

constexpr char kHybrid[] = "X25519MLKEM768";

bool has_hybrid() {
  return find_group(kHybrid)->built_in;
}

std::string group_of(const Engine& engine) {
  return group_names()[engine.handshake().group];
}

RawPeer::Configure groups(const char* list, uint16_t version = TLS1_3_VERSION) {
  return [=](SSL_CTX* ctx) {
    ASSERT_EQ(SSL_CTX_set_max_proto_version(ctx, version), 1);
    ASSERT_EQ(SSL_CTX_set1_curves_list(ctx, list), 1);
  };
}

Policy policy_of(const std::vector<std::string>& groups) {
  return expect_value(Policy::custom(Version::Tls12, intermediate().ciphers, groups));
}

// The handshake message of a record, in records of `size` octets each.
std::string in_records(const std::string& record, size_t size) {
  constexpr size_t kHeader = 5;
  const auto octet = [&record](size_t at) { return size_t{static_cast<uint8_t>(record[at])}; };
  EXPECT_EQ(record.size(), kHeader + (octet(3) << 8U) + octet(4));
  std::string records;
  for (size_t at = kHeader; at < record.size(); at += size) {
    const std::string part = record.substr(at, size);
    records.append(record, 0, 3);
    records.push_back(static_cast<char>(part.size() >> 8U));
    records.push_back(static_cast<char>(part.size() & 0xffU));
    records.append(part);
  }
  return records;
}

class PostQuantum : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_hybrid()) {
      GTEST_SKIP() << "this BoringSSL has no " << kHybrid;
    }
  }
};

TEST_F(PostQuantum, IsTheFirstGroupOfEveryPresetAndTowardBackends) {
  for (const Policy& policy : {intermediate(), expect_value(Policy::preset("modern")),
                               Policy::toward_backend(Version::Tls12)}) {
    EXPECT_EQ(policy.groups.front(), kHybrid) << policy.name;
  }
  // Servers of that age cannot read so large a hello.
  EXPECT_EQ(Policy::toward_backend(Version::Tls10).groups.front(), "X25519");
}

TEST_F(PostQuantum, IsTakenByTwoOfOursInOneHelloEach) {
  const auto context = server_context();
  const auto clients = client_context(Policy::toward_backend(Version::Tls12));
  EnginePeer server(*context);
  EnginePeer client(*clients, "mail.example.org");
  EXPECT_GT(client.wire.size(), 1200U) << "its share alone takes 1,216";
  converse(client, server);
  EXPECT_EQ(group_of(*server.engine), kHybrid);
  EXPECT_EQ(group_of(*client.engine), kHybrid);
}

TEST_F(PostQuantum, TakesALargeHelloInPiecesAndRecordsOfAnySize) {
  const auto context = server_context();
  std::string protocols("\x04imap");
  for (int i = 0; i < 40; ++i) {
    protocols += "\x0cprotocol-xyz";
  }
  for (const bool padded : {false, true}) {
    for (const size_t record : {64U, 255U, 512U, 1000U, 16384U}) {
      for (const size_t piece : {1U, 7U, 536U, 1448U, 1U << 14U}) {
        EnginePeer server(*context);
        RawPeer client = RawPeer::client([&](SSL_CTX* ctx) {
          ASSERT_EQ(SSL_CTX_set1_curves_list(ctx, "X25519MLKEM768:X25519:P-256"), 1);
          if (padded) {
            const Bytes list = as_bytes(protocols);
            SSL_CTX_set_alpn_protos(ctx, list.data(), static_cast<unsigned>(list.size()));
          }
        });
        EXPECT_GT(client.wire.size(), padded ? 1900U : 1200U);
        client.wire = in_records(client.wire, record);
        converse(client, server, piece);
        ASSERT_TRUE(server.engine->open()) << record << " in pieces of " << piece;
        EXPECT_EQ(group_of(*server.engine), kHybrid);
      }
    }
  }
}

TEST_F(PostQuantum, CanBeRequired) {
  const auto context = server_context(self_signed_store(), policy_of({kHybrid}));
  const auto shadowed = expect_value(ServerContext::make({.policy = intermediate(),
                                                          .certificates = self_signed_store(),
                                                          .tickets = tickets(),
                                                          .binding = "listener",
                                                          .shadow = policy_of({kHybrid})}));
  const std::pair<const char*, uint16_t> without[] = {{"X25519", TLS1_3_VERSION},
                                                      {"P-256", TLS1_3_VERSION},
                                                      {"X25519:P-256:P-384", TLS1_3_VERSION},
                                                      {"X25519:P-256", TLS1_2_VERSION},
                                                      {"X25519MLKEM768:P-256", TLS1_2_VERSION}};
  for (const auto& [list, version] : without) {
    EnginePeer server(*context);
    RawPeer client = RawPeer::client(groups(list, version));
    converse(client, server);
    EXPECT_EQ(server.failure(), Failure::NoSharedGroup) << list;
    EXPECT_EQ(client.reason, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    EnginePeer lenient(*shadowed);
    RawPeer lost = RawPeer::client(groups(list, version));
    converse(lost, lenient);
    EXPECT_TRUE(lenient.engine->open());
    EXPECT_EQ(lenient.engine->hello().shadow_refusal, Failure::NoSharedGroup) << list;
  }
  EnginePeer server(*context);
  RawPeer client = RawPeer::client(groups("X25519:X25519MLKEM768"));
  converse(client, server);
  EXPECT_EQ(group_of(*server.engine), kHybrid);
}

TEST_F(PostQuantum, IsExchangedAgainWhenASessionIsResumed) {
  const auto context = server_context();
  EnginePeer first(*context);
  RawPeer client = RawPeer::client(groups("X25519MLKEM768:X25519"));
  converse(client, first);
  first.send("* OK\r\n");  // with the tickets
  converse(client, first);
  ASSERT_NE(*client.session, nullptr);
  EnginePeer second(*context);
  RawPeer again = RawPeer::client(groups("X25519MLKEM768:X25519"), "", client.session->get());
  converse(again, second);
  EXPECT_TRUE(again.resumed());
  EXPECT_EQ(group_of(*second.engine), kHybrid);
}

TEST(Groups, AreTheBestThatAClientHas) {
  struct Case {
    const char* list;
    uint16_t version;
    const char* taken;
  };
  // TLS 1.2 asks for the curve of an ECDSA certificate, too.
  constexpr Case kCases[] = {{"X25519", TLS1_3_VERSION, "X25519"},
                             {"P-256", TLS1_3_VERSION, "secp256r1"},
                             {"P-384", TLS1_3_VERSION, "secp384r1"},
                             {"P-521:P-256", TLS1_3_VERSION, "secp256r1"},
                             {"P-384:X25519", TLS1_3_VERSION, "X25519"},
                             {"P-256", TLS1_2_VERSION, "secp256r1"},
                             {"P-384:P-256:X25519", TLS1_2_VERSION, "X25519"}};
  const auto context = server_context();
  for (const Case& one : kCases) {
    EnginePeer server(*context);
    RawPeer client = RawPeer::client(groups(one.list, one.version));
    converse(client, server);
    ASSERT_TRUE(server.engine->open()) << one.list;
    EXPECT_EQ(group_of(*server.engine), one.taken) << one.list;
  }
}

// GREASE (RFC 8701): the first group and the first share have a number that no group has.
TEST(Groups, PassOverAShareOfAnUnknownGroup) {
  const auto context = server_context();
  for (const bool hybrid : {false, has_hybrid()}) {
    EnginePeer server(*context);
    RawPeer client = RawPeer::client([&](SSL_CTX* ctx) {
      groups(hybrid ? "X25519MLKEM768:X25519" : "X25519")(ctx);
      SSL_CTX_set_grease_enabled(ctx, 1);
    });
    converse(client, server);
    ASSERT_TRUE(server.engine->open());
    EXPECT_EQ(group_of(*server.engine), hybrid ? kHybrid : "X25519");
  }
}

// Two hellos: the client lists the group, but sends a share for another one. tests/integration has
// that of X25519MLKEM768: BoringSSL's client always sends a share for it.
TEST(Groups, AreAskedForOnceMoreOfAClientThatSentNoShare) {
  const auto context = server_context(self_signed_store(), policy_of({"secp384r1"}));
  for (const size_t piece : {1U, 1448U}) {
    EnginePeer server(*context);
    RawPeer client = RawPeer::client(groups("X25519:P-384"));
    converse(client, server, piece);
    ASSERT_TRUE(server.engine->open());
    EXPECT_TRUE(SSL_used_hello_retry_request(client.ssl.get()));
    EXPECT_EQ(group_of(*server.engine), "secp384r1");
  }
}

// A backend that has one group of ours, for which we sent no share.
TEST(Groups, AreAskedForOnceMoreByABackend) {
  const test::Issued issued = test::self_signed({.names = {"mail.example.org"}});
  const auto context = client_context(Policy::toward_backend(Version::Tls12));
  for (const auto& [list, taken] :
       std::map<std::string, std::string>{{"P-256", "secp256r1"}, {"P-521", "secp521r1"}}) {
    RawPeer server = RawPeer::server(issued, groups(list.c_str()));
    EnginePeer client(*context, "mail.example.org");
    converse(client, server, 1);
    ASSERT_TRUE(client.engine->open()) << list;
    EXPECT_TRUE(SSL_used_hello_retry_request(server.ssl.get()));
    EXPECT_EQ(group_of(*client.engine), taken);
  }
}

}  // namespace
}  // namespace postern::tls
