#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tls/verification.h"

namespace postern::tls {
namespace {

using test::Issued;
using testing::HasSubstr;

class Verify : public testing::Test {
 protected:
  Verification by_authority() const { return {Verification::Mode::Verify, ca_file_, "", {}}; }

  // Connects to a server that shows `issued`; nullopt if its certificate was good.
  std::optional<Failure> meet(const Issued& issued, const Verification& rule,
                              const std::string& host = "mail.example.org") const {
    const auto context = client_context(intermediate(), rule);
    RawPeer server = RawPeer::server(issued);
    EnginePeer client(*context, host);
    converse(client, server);
    finding_ = client.engine->finding();
    EXPECT_EQ(client.engine->open(), !client.failed);
    // The server learns of it by an alert.
    EXPECT_EQ(server.failed, client.failed);
    return client.failed ? std::optional(client.failure()) : std::nullopt;
  }
  std::optional<Failure> meet(const test::LeafOptions& options,
                              const std::string& host = "mail.example.org") const {
    return meet(authority_.issue(options), by_authority(), host);
  }

  mutable std::string finding_;
  const test::Authority authority_;
  const test::TempDirectory directory_;
  const std::string ca_file_ = directory_.write("ca.pem", authority_.pem());
};

TEST_F(Verify, AcceptsTheRightName) {
  EXPECT_EQ(meet({.names = {"mail.example.org"}}), std::nullopt);
  EXPECT_EQ(meet({.names = {"other.example.org", "MAIL.example.ORG"}}), std::nullopt);
  EXPECT_EQ(meet({.names = {"mail.example.org"}}, "mail.example.org."), std::nullopt);
  EXPECT_EQ(meet({.names = {"*.example.org"}}), std::nullopt);
  EXPECT_EQ(meet({.names = {"192.0.2.1"}}, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(meet({.names = {"2001:db8::1"}}, "2001:db8:0::1"), std::nullopt);
}

TEST_F(Verify, RefusesOtherNames) {
  const test::LeafOptions cases[] = {
      {.names = {"example.org"}},
      {.names = {"*.mail.example.org"}},
      {.names = {"m*.example.org"}},
      {.names = {"*"}},
      {.names = {std::string("mail.example.org\0.evil.example", 30)}},
      {.common_name = "mail.example.org"},  // RFC 9525 §2: the common name is no name
      {.names = {"other.example.org"}, .common_name = "mail.example.org"},
  };
  for (const auto& options : cases) {
    EXPECT_EQ(meet(options), Failure::CertificateNameMismatch)
        << (options.names.empty() ? options.common_name : options.names.front());
  }
  EXPECT_EQ(meet({.names = {"*.example.org"}}, "a.mail.example.org"),
            Failure::CertificateNameMismatch);
  EXPECT_EQ(meet({.names = {"mail.example.org"}}, "192.0.2.1"), Failure::CertificateNameMismatch);
  EXPECT_EQ(meet({.names = {"mail.example.org"}}, ""), Failure::CertificateNameMismatch);
}

TEST_F(Verify, SaysWhichNameWasWantedAndWhichThereAre) {
  meet({.names = {"a.example", "*.b.example", "192.0.2.1"}, .common_name = "mail.example.org"});
  EXPECT_EQ(finding_,
            "wanted 'mail.example.org', but it is for 'a.example', '*.b.example', '192.0.2.1'");
  meet({.common_name = "mail.example.org"});
  EXPECT_EQ(finding_,
            "wanted 'mail.example.org', but it has no name in its subjectAltName; its common name "
            "'mail.example.org' is none (RFC 9525)");
  meet({.names = std::vector<std::string>(100, "a.example")}, "192.0.2.1");
  EXPECT_THAT(finding_, HasSubstr("wanted '192.0.2.1', but it is for 'a.example', "));
  EXPECT_THAT(finding_, HasSubstr(" and 92 more"));
  meet({.names = {"mail.example.org"}});
  EXPECT_EQ(finding_, "");
}

TEST_F(Verify, PrefersTheRulesNameToTheHost) {
  Verification rule = by_authority();
  rule.name = "mail.internal";
  EXPECT_EQ(meet(authority_.issue({.names = {"mail.internal"}}), rule, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(meet(authority_.issue({.names = {"mail.example.org"}}), rule),
            Failure::CertificateNameMismatch);
}

TEST_F(Verify, RefusesForeignAuthorities) {
  const test::Authority impostor;  // with the same name
  EXPECT_EQ(meet(impostor.issue({.names = {"mail.example.org"}}), by_authority()),
            Failure::CertificateUntrusted);
  EXPECT_EQ(meet(test::self_signed({.names = {"mail.example.org"}}), by_authority()),
            Failure::CertificateSelfSigned);
  EXPECT_THAT(finding_, HasSubstr("issued by '"));
}

TEST_F(Verify, RefusesExpiredAndFutureOnes) {
  EXPECT_EQ(meet({.names = {"mail.example.org"}, .valid_from_s = -7200, .valid_until_s = -3600}),
            Failure::CertificateExpired);
  EXPECT_EQ(meet({.names = {"mail.example.org"}, .valid_from_s = 3600, .valid_until_s = 7200}),
            Failure::CertificateNotYetValid);
  EXPECT_THAT(finding_, HasSubstr("' is valid from "));
}

// "A certificate is expired" does not say whose, nor since when.
TEST_F(Verify, SaysWhichCertificateHasEndedAndWhen) {
  meet({.names = {"mail.example.org"},
        .common_name = "old",
        .valid_from_s = -7200,
        .valid_until_s = -3600});
  EXPECT_THAT(finding_, testing::MatchesRegex("the certificate of '[^']*CN=old[^']*' is valid from "
                                              "20[0-9-]+T[0-9:]+Z until 20[0-9-]+T[0-9:]+Z"));
}

TEST_F(Verify, SaysWhoHasIssuedWhatNobodyTrusts) {
  const test::Authority impostor;
  meet(impostor.issue({.names = {"mail.example.org"}, .common_name = "one"}), by_authority(),
       "mail.example.org");
  EXPECT_THAT(finding_, HasSubstr("the certificate of '"));
  EXPECT_THAT(finding_, HasSubstr("issued by '"));
  const auto intermediate = authority_.intermediate("Middle");
  meet(intermediate.issue({.names = {"mail.example.org"}, .common_name = "one"}), by_authority(),
       "mail.example.org");
  EXPECT_THAT(finding_, HasSubstr("issued by 'CN=Middle': unable to get local issuer certificate"));
}

TEST_F(Verify, TrustsAnyCertificateInTheFile) {
  const Issued leaf = authority_.issue({.names = {"mail.example.org"}});
  const Issued alone = test::self_signed({.names = {"mail.example.org"}, .common_name = "alone"});
  const auto intermediate = authority_.intermediate("Intermediate");
  const Issued below = intermediate.issue({.names = {"mail.example.org"}});
  Verification rule = by_authority();
  rule.ca_file = directory_.write(
      "anchors.pem", leaf.certificate_pem + alone.certificate_pem + intermediate.pem());
  EXPECT_EQ(meet(leaf, rule), std::nullopt);
  EXPECT_EQ(meet(alone, rule), std::nullopt);
  EXPECT_EQ(meet(below, rule), std::nullopt);
  EXPECT_EQ(meet(below, by_authority()), Failure::CertificateUntrusted);  // incomplete chain
}

TEST_F(Verify, APinAloneReplacesChainDatesAndName) {
  const Issued old =
      test::self_signed({.names = {"whatever"}, .valid_from_s = -7200, .valid_until_s = -3600});
  const Issued other = test::self_signed({.names = {"mail.example.org"}});
  const Verification rule = {
      Verification::Mode::Verify, "", "", {other.spki_sha256_base64, old.spki_sha256_base64}};
  EXPECT_EQ(meet(old, rule), std::nullopt);
  EXPECT_EQ(meet(other, rule), std::nullopt);
  EXPECT_EQ(meet(test::self_signed({.names = {"mail.example.org"}}), rule),
            Failure::CertificatePinMismatch);
}

TEST_F(Verify, APinBesideAnAuthorityMustHoldToo) {
  const Issued good = authority_.issue({.names = {"mail.example.org"}});
  const Issued stray = test::self_signed({.names = {"mail.example.org"}});
  Verification rule = by_authority();
  rule.pins_sha256 = {good.spki_sha256_base64, stray.spki_sha256_base64};
  EXPECT_EQ(meet(good, rule), std::nullopt);
  EXPECT_EQ(meet(stray, rule), Failure::CertificateSelfSigned);
  EXPECT_EQ(meet(authority_.issue({.names = {"mail.example.org"}}), rule),
            Failure::CertificatePinMismatch);
}

TEST_F(Verify, NoneAcceptsAnything) {
  EXPECT_EQ(
      meet(test::self_signed({.names = {"whatever"}, .valid_until_s = -60}), no_verification()),
      std::nullopt);
}

TEST_F(Verify, ReportsBadPinsAndFilesAtOnce) {
  const auto verifier =
      load_verifier({Verification::Mode::Verify,
                     directory_.path() + "/none.pem",
                     "",
                     {"short=", std::string(44, '!'), authority_.own().spki_sha256_base64}});
  ASSERT_FALSE(verifier);
  ASSERT_EQ(verifier.faults().size(), 3U);
  EXPECT_THAT(verifier.faults()[0].message, HasSubstr("pin 'short=' is not the base64"));
  EXPECT_THAT(verifier.faults()[1].message, HasSubstr("'!!!!"));
  EXPECT_THAT(verifier.faults()[2].text(), HasSubstr("none.pem: cannot be read: No such file"));
}

TEST_F(Verify, ReportsAFileWithoutAuthorities) {
  const auto load = [&](const std::string& content) {
    const auto verifier =
        load_verifier({Verification::Mode::Verify, directory_.write("bad.pem", content), "", {}});
    return verifier ? "" : verifier.faults().front().message;
  };
  EXPECT_EQ(load("nothing"), "holds no certificate in PEM");
  EXPECT_EQ(load(authority_.pem().substr(0, 200)),
            "has a broken PEM block in line 1: the file ends before its END line");
  EXPECT_EQ(
      load(authority_.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
      "certificate number 2 cannot be parsed");
}

// A client with the system's store refuses all our certificates.
TEST_F(Verify, UsesTheSystemsStoreByDefault) {
  const auto verifier = load_verifier({});
  if (!verifier) {  // a machine without ca-certificates says so
    EXPECT_THAT(verifier.faults().front().text(), HasSubstr("ca-certificates.crt: cannot be read"));
    return;
  }
  EXPECT_EQ(meet(authority_.issue({.names = {"mail.example.org"}}), Verification{}),
            Failure::CertificateUntrusted);
}

}  // namespace
}  // namespace postern::tls
