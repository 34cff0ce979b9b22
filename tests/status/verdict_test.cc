#include "proxy/status/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status/record_fixture.h"

namespace postern {
namespace {

using test::calm_record;
using test::failure;
using test::kNowS;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Verdict, IsGoodWhileNothingIsWrong) {
  const Verdict verdict = judge(calm_record());
  EXPECT_EQ(verdict.severity, StatusSeverity::Good);
  EXPECT_EQ(verdict.headline, "All is well.");
  EXPECT_TRUE(verdict.findings.empty());
  EXPECT_EQ(judge({}).severity, StatusSeverity::Good) << "without anything at all";
}

TEST(Verdict, IsTheMailServerWhenNoneIsUp) {
  StatusRecord record = calm_record();
  record.backends[0].servers[0].state = "down";
  record.failures = {failure(Cause::BackendUnavailable, "legacy"),
                     failure(Cause::BackendConnectionRefused, "legacy")};
  const Verdict verdict = judge(record);
  EXPECT_EQ(verdict.severity, StatusSeverity::Failing);
  EXPECT_THAT(verdict.headline,
              StartsWith("It is the mail server: backend legacy: No server of it is up."));
  EXPECT_EQ(verdict.advice, describe(Cause::BackendConnectionRefused).fix);
  EXPECT_EQ(verdict.findings.size(), 1U) << "each thing is said once";
}

TEST(Verdict, IsTheNetworkWhenServersAreSilent) {
  StatusRecord record = calm_record();
  record.backends[0].servers[0].state = "down";
  record.failures = {failure(Cause::BackendTimedOut, "legacy")};
  EXPECT_THAT(judge(record).headline, StartsWith("It is the network: backend legacy:"));
}

TEST(Verdict, IsUsWhenTheOperatorDrainsTheBackend) {
  StatusRecord record = calm_record();
  record.backends[0].servers[0].state = "draining";
  record.backends[0].servers[0].drained_by = "admin";
  record.failures = {failure(Cause::BackendDrained, "legacy")};
  Verdict verdict = judge(record);
  EXPECT_EQ(verdict.headline,
            "It is us: backend legacy: No server of it takes sessions. You drain "
            "mail1.internal:143 by `postern admin`.");
  EXPECT_EQ(verdict.advice, "`postern admin undrain server=HOST:PORT` takes it back.");
  EXPECT_EQ(verdict.findings[0].at_fault, Party::Operator);
  EXPECT_EQ(verdict.findings.size(), 1U);
  record.backends[0].servers[0].drained_by = "configuration";
  verdict = judge(record);
  EXPECT_THAT(verdict.headline, HasSubstr("by `drain` in the configuration."));
  EXPECT_THAT(verdict.advice, StartsWith("Take `drain` out"));
}

TEST(Verdict, IsAWarningWhileAnotherServerServes) {
  StatusRecord record = calm_record();
  record.backends[0].servers.push_back({.name = "mail2.internal:143", .state = "down"});
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
}

// After the first failure a server is suspect, and its only client has heard BYE.
TEST(Verdict, IsTheMailServerWhenClientsAreTurnedAway) {
  StatusRecord record = calm_record();
  record.backends[0].servers[0].state = "suspect";
  record.failures = {failure(Cause::BackendUnavailable, "legacy"),
                     failure(Cause::BackendConnectionRefused, "legacy")};
  EXPECT_EQ(judge(record).severity, StatusSeverity::Failing);
  record.failures[0].last_s = kNowS - kFreshS - 1;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
}

TEST(Verdict, IsUsWhenACertificateHasEnded) {
  StatusRecord record = calm_record();
  record.certificates[0].lifetime = Lifetime::Expired;
  record.certificates[0].notice = "its certificate has expired 2d ago";
  const Verdict verdict = judge(record);
  EXPECT_EQ(verdict.severity, StatusSeverity::Failing);
  EXPECT_THAT(verdict.headline, StartsWith("It is us: certificate mail.crt: Its certificate has"));
  EXPECT_EQ(verdict.advice, describe(Cause::CertificateExpired).fix);
  record.certificates[0].lifetime = Lifetime::NotYetValid;
  EXPECT_EQ(judge(record).advice, describe(Cause::CertificateNotYetValid).fix);
  record.certificates[0].lifetime = Lifetime::Overdue;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
}

TEST(Verdict, IsGoodWhileTheConfigurationAloneIsDoubtful) {
  StatusRecord record = calm_record();
  record.doubts = {{.where = "postern.yaml:7", .text = "idle is short"}};
  Verdict verdict = judge(record);
  EXPECT_EQ(verdict.severity, StatusSeverity::Good);
  EXPECT_EQ(verdict.headline, "All is well; the configuration has points to look at.");
  EXPECT_EQ(verdict.findings[0].subject, "configuration, postern.yaml:7");
  EXPECT_EQ(verdict.findings[0].what, "Idle is short.");
  record.failures = {failure(Cause::ClientNotTls, "")};
  EXPECT_THAT(judge(record).headline, HasSubstr("single clients fail"));
}

TEST(Verdict, SaysWhatIsWrongWithTheProcess) {
  StatusRecord record = calm_record();
  record.process.draining = true;
  record.process.reload_failed = true;
  record.process.certificates_failed = true;
  EXPECT_EQ(judge(record).findings.size(), 3U);
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
  record.process.steady = false;
  EXPECT_EQ(judge(record).findings[0].severity, StatusSeverity::Failing) << "the worst first";
}

TEST(Verdict, SaysNothingAgainstAServerThatWasNotTriedSince) {
  StatusRecord record = calm_record();
  record.backends[0].servers[0].state = "untried";
  record.failures = {failure(Cause::BackendUnavailable, "legacy")};
  EXPECT_LT(judge(record).severity, StatusSeverity::Failing);
  record.failures = {failure(Cause::BackendConnectionRefused, "gone")};
  EXPECT_EQ(judge(record).severity, StatusSeverity::Good)
      << "the configuration has no such backend";
}

TEST(Verdict, MakesANoteOfWhatIsOver) {
  StatusRecord record = calm_record();
  record.failures = {failure(Cause::BackendConnectionRefused, "legacy")};
  EXPECT_EQ(judge(record).severity, StatusSeverity::Note);
}

TEST(Verdict, IsNotTurnedByAStranger) {
  StatusRecord record = calm_record();
  record.failures = {failure(Cause::ClientDoesNotKnowAuthority, "")};
  record.failures[0].last_hour = 1;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Note);
  record.failures[0].last_hour = 50;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
  record.failures = {failure(Cause::BackendClosed, "legacy")};
  record.failures[0].last_hour = 1;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Note) << "the server has hung up on it";
  record.failures[0].last_hour = 50;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
}

TEST(Verdict, NamesTheLimitOfOpenFilesOnceItTurnsClientsAway) {
  StatusRecord record = calm_record();
  record.sessions.limit = 8;
  record.sessions.wanted = 1000;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Good);
  record.failures = {failure(Cause::GaveWay, "")};
  record.failures[0].last_hour = 1;
  const Verdict verdict = judge(record);
  EXPECT_EQ(verdict.severity, StatusSeverity::Warning);
  EXPECT_THAT(verdict.findings[0].what, HasSubstr("lets in 8 sessions, not the 1000"));
  EXPECT_THAT(verdict.findings[0].fix, HasSubstr("LimitNOFILE"));
}

TEST(Verdict, SaysWhatWasWrongWithAReload) {
  StatusRecord record = calm_record();
  record.process.reload_failed = true;
  record.changes = {{.first_s = kNowS,
                     .last_s = kNowS,
                     .times = 1,
                     .event = "reload failed",
                     .subject = "p.yaml",
                     .text = "p.yaml:11: limts is an unknown key"}};
  EXPECT_THAT(judge(record).findings[0].what,
              HasSubstr("It was: p.yaml:11: limts is an unknown key"));
}

TEST(Verdict, TakesNoSingleLateAnswerForAnIllServer) {
  StatusRecord record = calm_record();
  record.failures = {failure(Cause::BackendAuthPenalty, "legacy")};
  record.failures[0].last_hour = 1;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Note);
}

TEST(Verdict, LetsSingleClientsFail) {
  StatusRecord record = calm_record();
  record.failures = {failure(Cause::LoginFailed, "legacy")};
  const Verdict verdict = judge(record);
  EXPECT_EQ(verdict.severity, StatusSeverity::Note);
  EXPECT_THAT(verdict.headline, HasSubstr("single clients fail"));
}

TEST(Verdict, ForgetsFailuresOfLongAgo) {
  StatusRecord record = calm_record();
  record.failures = {failure(Cause::BackendViolation, "legacy")};
  record.failures[0].last_hour = 50;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Warning);
  record.failures[0].last_s = kNowS - kFreshS - 1;
  EXPECT_EQ(judge(record).severity, StatusSeverity::Good);
}

TEST(Verdict, SaysWhatServersWantAndWhenTheirCertificatesEnd) {
  StatusRecord record = calm_record();
  StatusRecord::Server& server = record.backends[0].servers[0];
  server.wants_privacy = true;
  server.failed_logins_in_a_row = 25;
  server.refuses_all_logins = true;
  server.certificate_not_after_s = kNowS + 3 * 86'400;
  const Verdict verdict = judge(record);
  ASSERT_EQ(verdict.findings.size(), 3U);
  EXPECT_EQ(verdict.findings[0].cause, "backend_privacy_required");
  EXPECT_THAT(verdict.findings[1].what, HasSubstr("25 logins without granting one"));
  EXPECT_THAT(verdict.findings[2].what, HasSubstr("ends in 3 days"));
}

TEST(Verdict, SaysWhenSessionsRunOut) {
  StatusRecord record = calm_record();
  record.sessions.now = 950;
  EXPECT_THAT(judge(record).headline, HasSubstr("950 of 1000 sessions are in use"));
}

}  // namespace
}  // namespace postern
