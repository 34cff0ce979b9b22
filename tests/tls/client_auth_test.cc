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

class ClientAuthTest : public testing::TestWithParam<uint16_t> {
 protected:
  std::shared_ptr<const ClientAuth> load(Mode mode) {
    return expect_value(ClientAuth::load({.mode = mode,
                                          .ca_file = directory.write("ca.pem", authority.pem()),
                                          .where = "p.yaml:1"}));
  }
  std::unique_ptr<ServerContext> context(std::shared_ptr<const ClientAuth> auth) {
    return expect_value(ServerContext::make({.policy = intermediate(),
                                             .certificates = store,
                                             .tickets = tickets(),
                                             .binding = "listener",
                                             .client_auth = std::move(auth)}));
  }
  RawPeer client(const test::Issued* shows, SSL_SESSION* session = nullptr) {
    return RawPeer::client(
        [&](SSL_CTX* ctx) {
          SSL_CTX_set_max_proto_version(ctx, GetParam());
          if (shows != nullptr) RawPeer::use(ctx, *shows);
        },
        "mail.example.org", session);
  }

  test::TempDirectory directory;
  test::Authority authority;
  std::shared_ptr<const CertificateStore> store = self_signed_store();
};

INSTANTIATE_TEST_SUITE_P(Versions, ClientAuthTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
                         });

TEST_P(ClientAuthTest, AGoodOneComesInAndIsKnownByItsSubject) {
  const auto server = context(load(Mode::Required));
  const auto anna = authority.issue(kAnna);
  EnginePeer gateway(*server);
  RawPeer one = client(&anna);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  EXPECT_EQ(gateway.engine->peer_subject(), "CN=anna");
}

TEST_P(ClientAuthTest, TellsOthersOfTheClientAsHaproxyWould) {
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

TEST_P(ClientAuthTest, TellsNoNameThatEndsEarlyForSomeReaders) {
  const auto server = context(load(Mode::Optional));
  const auto odd = authority.issue({.common_name = std::string("admin\0.example.org", 18)});
  EnginePeer gateway(*server);
  RawPeer one = client(&odd);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  EXPECT_EQ(gateway.engine->client_facts().common_name, "");
  EXPECT_TRUE(gateway.engine->client_facts().certificate);
}

TEST_P(ClientAuthTest, TellsOfNoCertificateWhereThereIsNone) {
  const auto server = context(load(Mode::Optional));
  EnginePeer gateway(*server);
  RawPeer one = client(nullptr);
  converse(gateway, one);
  ASSERT_EQ(gateway.opened, 1U);
  EXPECT_FALSE(gateway.engine->client_facts().certificate);
}

TEST_P(ClientAuthTest, WithoutOneOnlyIfOptional) {
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

TEST_P(ClientAuthTest, AStrangersIsRefusedEvenIfOptional) {
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

// CVE-2025-23419: a ticket that was had without showing a certificate must not open a door at which
// one is asked for.
TEST_P(ClientAuthTest, TicketsAreBoundToThePolicy) {
  const auto anna = authority.issue(kAnna);
  const auto session_of = [&](const ServerContext& server) {
    EnginePeer gateway(server);
    RawPeer one = client(&anna);
    converse(gateway, one);
    gateway.send("x");
    converse(gateway, one);
    return std::move(*one.session);
  };
  const auto resumes = [&](const ServerContext& server, SSL_SESSION* session) {
    EnginePeer gateway(server);
    RawPeer one = client(&anna, session);
    converse(gateway, one);
    EXPECT_EQ(gateway.opened, 1U);
    return one.resumed();
  };
  const auto open = context(nullptr);
  const auto optional = context(load(Mode::Optional));
  const auto required = context(load(Mode::Required));
  EXPECT_FALSE(resumes(*required, session_of(*open).get()));
  EXPECT_FALSE(resumes(*required, session_of(*optional).get()));
  EXPECT_FALSE(resumes(*open, session_of(*required).get()));
  EXPECT_TRUE(resumes(*required, session_of(*required).get()));
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
