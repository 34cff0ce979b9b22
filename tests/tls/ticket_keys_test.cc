#include "tls/ticket_keys.h"

#include <array>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"

namespace postern::tls {
namespace {

constexpr int64_t kWindow = TicketKeys::kWindowSeconds;

bool same(const TicketKeys::Key& a, const TicketKeys::Key& b) {
  return a.name == b.name && a.hmac == b.hmac && a.aes == b.aes;
}

TEST(TicketKeys, DependOnSecretBindingAndWindowOnly) {
  const auto key = tickets()->derive("a", 10 * kWindow, 0);
  EXPECT_TRUE(same(key, tickets()->derive("a", 11 * kWindow - 1, 0)));
  EXPECT_TRUE(same(key, tickets()->derive("a", 11 * kWindow, -1)));
  EXPECT_TRUE(same(key, tickets()->derive("a", 9 * kWindow, 1)));
  for (const auto& other :
       {tickets()->derive("a", 11 * kWindow, 0), tickets()->derive("b", 10 * kWindow, 0),
        tickets('t')->derive("a", 10 * kWindow, 0), TicketKeys::random()->derive("a", 0, 10)}) {
    EXPECT_NE(key.name, other.name);
    EXPECT_NE(key.hmac, other.hmac);
    EXPECT_NE(key.aes, other.aes);
  }
  EXPECT_NE(key.hmac, key.aes);
}

TEST(TicketKeys, LoadIgnoresTheNewlineAtTheEnd) {
  const test::TempDirectory directory;
  const std::string secret(40, 's');
  const auto loaded = expect_value(TicketKeys::load(directory.write("t", secret + "\r\n")));
  EXPECT_TRUE(same(loaded->derive("a", 0, 0),
                   TicketKeys::from_secret(as_bytes(secret))->derive("a", 0, 0)));
}

TEST(TicketKeys, LoadSaysWhatIsWrong) {
  const test::TempDirectory directory;
  const auto missing = TicketKeys::load(directory.path() + "/none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.faults().front().where, directory.path() + "/none");
  EXPECT_THAT(missing.faults().front().message, testing::HasSubstr("No such file"));
  const auto small = TicketKeys::load(directory.write("t", std::string(31, 's') + "\n"));
  ASSERT_FALSE(small);
  EXPECT_THAT(small.faults().front().message, testing::HasSubstr("holds 31 octets"));
}

// A clock that the tests move. Contexts take a plain function, so the time cannot be a member.
int64_t test_now_s = 0;
int64_t test_clock_s() {
  return test_now_s;
}

class Resumption : public testing::TestWithParam<uint16_t> {
 protected:
  void SetUp() override { test_now_s = 1000 * kWindow + 5; }

  ServerSettings settings() const {
    return {intermediate(), store_, tickets(), "listener", &test_clock_s};
  }
  static std::unique_ptr<ServerContext> make(ServerSettings settings) {
    return expect_value(ServerContext::make(std::move(settings)));
  }
  // Connects with the session of an earlier connection; checks that it works either way.
  RawPeer connect(const ServerContext& context, SSL_SESSION* session = nullptr,
                  const std::string& sni = "") {
    EnginePeer server(context);
    RawPeer client = RawPeer::client(
        [](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, GetParam()); }, sni, session);
    converse(client, server);
    EXPECT_TRUE(client.open() && server.engine->open());
    server.send("greeting");
    converse(server, client);
    EXPECT_EQ(client.received, "greeting");
    EXPECT_EQ(server.engine->handshake().resumed, client.resumed());
    if (client.resumed() && GetParam() == TLS1_2_VERSION) {
      EXPECT_STREQ(group_names()[server.engine->handshake().group], "none");
    }
    return client;
  }
  bool resumes(const ServerContext& first, const ServerContext& second) {
    const RawPeer client = connect(first);
    EXPECT_FALSE(client.resumed());
    return connect(second, client.session->get()).resumed();
  }

  const std::shared_ptr<const CertificateStore> store_ = self_signed_store();
};
INSTANTIATE_TEST_SUITE_P(TicketKeys, Resumption,
                         testing::Values(uint16_t{TLS1_2_VERSION}, uint16_t{TLS1_3_VERSION}),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(Resumption, WorksAcrossReplicasWithTheSameSecret) {
  EXPECT_TRUE(resumes(*make(settings()), *make(settings())));
}

TEST_P(Resumption, IsBoundToSecretListenerCertificatesAndPolicy) {
  const auto context = make(settings());
  ServerSettings secret = settings();
  secret.tickets = tickets('t');
  EXPECT_FALSE(resumes(*context, *make(std::move(secret))));
  ServerSettings listener = settings();
  listener.binding = "other listener";
  EXPECT_FALSE(resumes(*context, *make(std::move(listener))));
  ServerSettings certificates = settings();
  certificates.certificates = self_signed_store();
  EXPECT_FALSE(resumes(*context, *make(std::move(certificates))));
  ServerSettings policy = settings();
  policy.policy.groups = {"X25519"};
  EXPECT_FALSE(resumes(*context, *make(std::move(policy))));
}

TEST_P(Resumption, OutlivesOneWindowAndRenewsTheTicket) {
  const auto context = make(settings());
  const RawPeer first = connect(*context);
  test_now_s += kWindow;
  const RawPeer second = connect(*context, first.session->get());
  EXPECT_TRUE(second.resumed());
  ASSERT_NE(*second.session, nullptr);
  test_now_s += kWindow;
  EXPECT_FALSE(connect(*context, first.session->get()).resumed());
  EXPECT_TRUE(connect(*context, second.session->get()).resumed());
}

TEST_P(Resumption, AcceptsAReplicaWhoseClockIsAhead) {
  const auto context = make(settings());
  test_now_s += kWindow;
  const RawPeer ahead = connect(*context);
  test_now_s -= kWindow;
  EXPECT_TRUE(connect(*context, ahead.session->get()).resumed());
  test_now_s -= kWindow;
  EXPECT_FALSE(connect(*context, ahead.session->get()).resumed());
}

TEST_P(Resumption, WorksAcrossNamesOfOneListener) {
  ServerSettings both = settings();
  both.certificates = store_of({test::self_signed({.names = {"a.example.org"}}),
                                test::self_signed({.names = {"b.example.org"}})});
  const auto context = make(std::move(both));
  const RawPeer a = connect(*context, nullptr, "a.example.org");
  const RawPeer b = connect(*context, nullptr, "b.example.org");
  EXPECT_TRUE(connect(*context, a.session->get(), "a.example.org").resumed());
  EXPECT_TRUE(connect(*context, b.session->get(), "b.example.org").resumed());
}

}  // namespace
}  // namespace postern::tls
