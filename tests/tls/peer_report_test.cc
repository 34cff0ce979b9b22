#include "tls/peer_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tls/verification.h"

namespace postern::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PeerReports : public testing::Test {
 protected:
  PeerReport meet(const test::LeafOptions& options, const std::string& host) const {
    const auto context = client_context();
    RawPeer server = RawPeer::server(authority_.issue(options));
    EnginePeer client(*context, host);
    converse(client, server);
    EXPECT_TRUE(client.engine->open());
    return client.engine->peer_report(*verifier_, host);
  }

  const test::Authority authority_;
  const test::TempDirectory directory_;
  const std::shared_ptr<const Verifier> verifier_ = expect_value(load_verifier(
      {Verification::Mode::Verify, directory_.write("ca.pem", authority_.pem()), "", {}}));
};

TEST_F(PeerReports, SayWhatAServerHasShown) {
  const PeerReport report = meet({.names = {"mail.example.org", "192.0.2.1"},
                                  .common_name = "mail",
                                  .key = test::TestKey::Rsa2048},
                                 "mail.example.org");
  ASSERT_EQ(report.chain.size(), 1U);
  EXPECT_EQ(report.chain[0].subject, "CN=mail");
  EXPECT_EQ(report.chain[0].issuer, "CN=Test Authority");
  EXPECT_EQ(report.chain[0].key, "RSA 2048");
  EXPECT_FALSE(report.chain[0].self_signed);
  EXPECT_LT(report.chain[0].not_before, wall_clock_s());
  EXPECT_GT(report.chain[0].not_after, wall_clock_s());
  EXPECT_THAT(report.names, ElementsAre("mail.example.org", "192.0.2.1"));
  EXPECT_EQ(report.leaf_bits, 2048);
  EXPECT_FALSE(report.must_staple);
  EXPECT_EQ(report.staple, StapleState::None);
  EXPECT_EQ(report.failure, std::nullopt);
}

TEST_F(PeerReports, JudgeWhatTheContextLetsPass) {
  PeerReport report = meet({.names = {"mail.example.org"}}, "other.example.org");
  EXPECT_EQ(report.failure, Failure::CertificateNameMismatch);
  EXPECT_THAT(report.finding, HasSubstr("mail.example.org"));
  report = meet({.names = {"mail.example.org"}, .valid_from_s = -7200, .valid_until_s = -3600},
                "mail.example.org");
  EXPECT_EQ(report.failure, Failure::CertificateExpired);
}

TEST(ClientSessions, AreOfferedAgainWhereTheContextResumes) {
  for (const bool resumes : {false, true}) {
    const auto server = server_context();
    const auto client = expect_value(
        ClientContext::make({.policy = intermediate(),
                             .verifier = expect_value(load_verifier(no_verification())),
                             .asks_for_staple = true,
                             .resumes = resumes}));
    for (const bool again : {false, true}) {
      EnginePeer one(*client, "mail.example.org");
      EnginePeer other(*server);
      converse(one, other);
      other.send("* OK\r\n");  // TLS 1.3 gives its tickets after the handshake
      converse(one, other);
      ASSERT_TRUE(one.engine->open());
      EXPECT_EQ(one.engine->handshake().resumed, resumes && again);
    }
  }
}

}  // namespace
}  // namespace postern::tls
