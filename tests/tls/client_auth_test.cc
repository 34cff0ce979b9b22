#include "tls/client_auth.h"

#include <ctime>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"

namespace postern::tls {
namespace {

using Mode = ClientAuthFiles::Mode;
using testing::HasSubstr;

const test::LeafOptions kAnna{.common_name = "anna"};

// A clock that the tests move, for contexts and for BoringSSL's look at a session's age.
int64_t test_now_s = 0;
int64_t test_clock_s() {
  return test_now_s;
}
void test_clock(const SSL*, timeval* out) {
  out->tv_sec = test_now_s;
  out->tv_usec = 0;
}

class ClientAuthTest : public testing::TestWithParam<uint16_t> {
 protected:
  void SetUp() override { test_now_s = wall_clock_s(); }

  std::shared_ptr<const ClientAuth> load(Mode mode, const std::string& crl_file = "") {
    return expect_value(ClientAuth::load({.mode = mode,
                                          .ca_file = directory.write("ca.pem", authority.pem()),
                                          .crl_file = crl_file,
                                          .where = "p.yaml:1"}));
  }
  std::unique_ptr<ServerContext> context(std::shared_ptr<const ClientAuth> auth) {
    auto made = expect_value(ServerContext::make({.policy = intermediate(),
                                                  .certificates = store,
                                                  .tickets = tickets(),
                                                  .binding = "listener",
                                                  .clock_s = &test_clock_s,
                                                  .client_auth = std::move(auth)}));
    SSL_CTX_set_current_time_cb(made->get(), &test_clock);
    return made;
  }
  RawPeer client(const test::Issued* shows, SSL_SESSION* session = nullptr) {
    return RawPeer::client(
        [&](SSL_CTX* ctx) {
          SSL_CTX_set_max_proto_version(ctx, GetParam());
          if (shows != nullptr) {
            RawPeer::use(ctx, *shows);
          }
        },
        "mail.example.org", session);
  }

  struct Visit {
    bool resumed;
    bssl::UniquePtr<SSL_SESSION> session;  // the newest session of the client
  };
  // The client's own clock stands still: it offers any session that it has.
  Visit visit(const ServerContext& server, const test::Issued& shows,
              SSL_SESSION* session = nullptr) {
    EnginePeer gateway(server);
    RawPeer one = client(&shows, session);
    converse(gateway, one);
    EXPECT_EQ(gateway.opened, 1U);
    gateway.send("x");
    converse(gateway, one);
    if (*one.session == nullptr && session != nullptr) {  // TLS 1.2 need not renew a ticket
      *one.session = bssl::UpRef(session);
    }
    return {one.resumed(), std::move(*one.session)};
  }

  test::TempDirectory directory;
  test::Authority authority;
  std::shared_ptr<const CertificateStore> store = self_signed_store();
};

INSTANTIATE_TEST_SUITE_P(Versions, ClientAuthTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
                         });

TEST_P(ClientAuthTest, AcceptsAGoodCertificateAndKnowsItsSubject) {
  const auto server = context(load(Mode::Required));
  const auto anna = authority.issue(kAnna);
  EnginePeer gateway(*server);
  RawPeer one = client(&anna);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  EXPECT_EQ(gateway.engine->peer_subject(), "CN=anna");
}

TEST_P(ClientAuthTest, DescribesTheClientAsHaproxyDoes) {
  const auto server = context(load(Mode::Optional));
  const auto anna = authority.issue(kAnna);
  EnginePeer gateway(*server);
  RawPeer one = client(&anna);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  const ClientFacts facts = gateway.engine->client_facts();
  EXPECT_EQ(facts.version, GetParam() == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
  EXPECT_EQ(facts.cipher, SSL_CIPHER_get_name(SSL_get_current_cipher(one.ssl.get())));
  EXPECT_EQ(facts.server_name, "mail.example.org");
  EXPECT_EQ(facts.alpn, "");
  EXPECT_EQ(facts.common_name, "anna");
  EXPECT_TRUE(facts.certificate);
  EXPECT_FALSE(facts.resumed);
}

TEST_P(ClientAuthTest, LeavesOutANameWithANul) {
  const auto server = context(load(Mode::Optional));
  const auto odd = authority.issue({.common_name = std::string("admin\0.example.org", 18)});
  EnginePeer gateway(*server);
  RawPeer one = client(&odd);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  EXPECT_EQ(gateway.engine->client_facts().common_name, "");
  EXPECT_TRUE(gateway.engine->client_facts().certificate);
}

TEST_P(ClientAuthTest, DescribesAClientWithoutACertificate) {
  const auto server = context(load(Mode::Optional));
  EnginePeer gateway(*server);
  RawPeer one = client(nullptr);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  EXPECT_FALSE(gateway.engine->client_facts().certificate);
}

TEST_P(ClientAuthTest, AcceptsNoCertificateOnlyIfOptional) {
  for (const Mode mode : {Mode::Required, Mode::Optional}) {
    const auto server = context(load(mode));
    EnginePeer gateway(*server);
    RawPeer one = client(nullptr);
    converse(gateway, one);
    EXPECT_EQ(gateway.opened, mode == Mode::Optional ? 1U : 0U);
    EXPECT_EQ(gateway.failed, mode == Mode::Required);
    if (gateway.failed) {
      EXPECT_EQ(gateway.failure(), Failure::NoClientCertificate);
    }
  }
}

TEST_P(ClientAuthTest, RefusesAStrangersCertificateEvenIfOptional) {
  const test::Authority stranger("Stranger");
  const auto bad = stranger.issue(kAnna);
  const auto late = authority.issue({.common_name = "late", .valid_until_s = -60});
  const auto server = context(load(Mode::Optional));
  for (const auto& [shown, why] :
       {std::pair(bad, Failure::CertificateUntrusted), {late, Failure::CertificateExpired}}) {
    EnginePeer gateway(*server);
    RawPeer one = client(&shown);
    converse(gateway, one);
    ASSERT_TRUE(gateway.failed);
    EXPECT_EQ(gateway.failure(), why);
  }
}

// CVE-2025-23419: a ticket that a client got without showing a certificate must not resume a
// session where one is required.
TEST_P(ClientAuthTest, BindsTicketsToThePolicy) {
  const auto anna = authority.issue(kAnna);
  const auto open = context(nullptr);
  const auto optional = context(load(Mode::Optional));
  const auto required = context(load(Mode::Required));
  const auto resumes = [&](const ServerContext& first, const ServerContext& second) {
    return visit(second, anna, visit(first, anna).session.get()).resumed;
  };
  EXPECT_FALSE(resumes(*open, *required));
  EXPECT_FALSE(resumes(*optional, *required));
  EXPECT_FALSE(resumes(*required, *open));
  EXPECT_TRUE(resumes(*required, *required));
}

TEST_P(ClientAuthTest, BindsTicketsToAuthoritiesAndRevocations) {
  const auto anna = authority.issue(kAnna);
  const auto plain = context(load(Mode::Required));
  const auto revoking =
      context(load(Mode::Required, directory.write("crl.pem", authority.revocation_list(3600))));
  const auto renewed =
      context(load(Mode::Required, directory.write("crl.pem", authority.revocation_list(7200))));
  EXPECT_FALSE(visit(*revoking, anna, visit(*plain, anna).session.get()).resumed);
  EXPECT_FALSE(visit(*renewed, anna, visit(*revoking, anna).session.get()).resumed);
  EXPECT_TRUE(visit(*renewed, anna, visit(*renewed, anna).session.get()).resumed);
}

// A resumed session shows no certificate again, so it must not outlive the certificate.
TEST_P(ClientAuthTest, EndsAResumedSessionWithTheClientsCertificate) {
  const auto anna = authority.issue({.common_name = "anna", .valid_until_s = 3600});
  const auto server = context(load(Mode::Required));
  auto visited = visit(*server, anna);
  test_now_s += 3500;
  visited = visit(*server, anna, visited.session.get());
  EXPECT_TRUE(visited.resumed);
  test_now_s += 200;  // the ticket is two minutes old, the certificate at its end
  EXPECT_FALSE(visit(*server, anna, visited.session.get()).resumed);
}

TEST_P(ClientAuthTest, EndsAResumedSessionWithTheRevocationList) {
  const auto anna = authority.issue(kAnna);
  const std::string lists = authority.revocation_list(1800) + authority.revocation_list(3600);
  const auto server = context(load(Mode::Required, directory.write("crl.pem", lists)));
  const auto first = visit(*server, anna);
  test_now_s += 3500;
  EXPECT_TRUE(visit(*server, anna, first.session.get()).resumed);
  test_now_s += 200;
  EXPECT_FALSE(visit(*server, anna, first.session.get()).resumed);
}

// However often its session is renewed meanwhile.
TEST_P(ClientAuthTest, JudgesAClientAgainWithinTwelveHours) {
  const auto anna = authority.issue(kAnna);
  const auto server = context(load(Mode::Required));
  auto visited = visit(*server, anna);
  for (int hours = 5; hours < 12; hours += 5) {
    test_now_s += 5 * 3600;
    visited = visit(*server, anna, visited.session.get());
    EXPECT_TRUE(visited.resumed) << hours;
  }
  test_now_s += 5 * 3600;
  EXPECT_FALSE(visit(*server, anna, visited.session.get()).resumed);
}

TEST(ClientAuth, SaysWhatIsWrongWithTheFiles) {
  const test::TempDirectory directory;
  const test::Authority authority;
  const std::string ca = directory.write("ca.pem", authority.pem());
  const auto fault = [](ClientAuthFiles files) {
    files.where = "p.yaml:7";
    const auto loaded = ClientAuth::load(files);
    return loaded ? "" : loaded.faults().front().text();
  };
  EXPECT_THAT(fault({.ca_file = "/nowhere"}), HasSubstr("p.yaml:7: client_ca /nowhere"));
  EXPECT_THAT(fault({.ca_file = directory.write("empty", "")}), HasSubstr("holds no certificate"));
  EXPECT_THAT(fault({.ca_file = ca, .crl_file = ca}), HasSubstr("holds no revocation list"));
  EXPECT_THAT(fault({.ca_file = ca,
                     .crl_file = directory.write("crl",
                                                 "-----BEGIN X509 CRL-----\n"
                                                 "AAAA\n"
                                                 "-----END X509 CRL-----\n")}),
              HasSubstr("has a revocation list that cannot be parsed"));
}

}  // namespace
}  // namespace postern::tls
