#include "proxy/probe/report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probe/records.h"

namespace postern::probe {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string text_of(const Record& record, bool colours = false) {
  return report_text(record, judge(record, kNow), colours);
}

TEST(Report, HasTheVerdictFirst) {
  EXPECT_THAT(text_of(healthy()), StartsWith("mail.example.org: good: nothing keeps clients out"));
  Record record = healthy();
  record.ports[0].visits[0].peer.failure = tls::Failure::CertificateExpired;
  const std::string text = text_of(record);
  EXPECT_THAT(text, StartsWith("mail.example.org: failed: clients do not get in"));
  EXPECT_THAT(text, HasSubstr("\nfailure: server_certificate_expired at 192.0.2.1:993\n"));
  EXPECT_THAT(text, HasSubstr("\n  Do: Renew it"));
}

TEST(Report, ShowsWhatWasSeen) {
  const std::string text = text_of(healthy());
  for (const char* words : {"192.0.2.1:993  open in 1.2 ms", "* OK Dovecot ready.",
                            "from the first byte, 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768",
                            "by STARTTLS, 1.3", "CN=mail.example.org, ECDSA 256", "CN=R3",
                            "IMAP4rev1 STARTTLS LOGINDISABLED", "IMAP4rev1 AUTH=PLAIN"}) {
    EXPECT_THAT(text, HasSubstr(words));
  }
}

TEST(Report, LetsNoServerControlTheTerminal) {
  Record record = healthy();
  record.ports[0].visits[0].greeting = "* OK \x1b[2J\x9b\r\nforged";
  record.ports[0].visits[0].peer.names = {"\x1b]0;x\x07"};
  record.ports[0].visits[0].capabilities = " \x1b[31m LOGINDISABLED";
  record.ports[1].visits = {failed({}, Cause::BackendSpeaksSmtp)};
  record.ports[1].visits[0].evidence = "220 \x1b[2J";
  for (const std::string& out : {text_of(record), report_json(record, judge(record, kNow))}) {
    EXPECT_EQ(out.find('\x1b'), std::string::npos);
    EXPECT_EQ(out.find('\x9b'), std::string::npos);
    EXPECT_EQ(out.find('\r'), std::string::npos);
  }
}

TEST(Report, IsColouredOnlyWhereAsked) {
  EXPECT_THAT(text_of(healthy(), true), HasSubstr("\x1b[32mgood\x1b[0m"));
  EXPECT_THAT(text_of(healthy(), false), Not(HasSubstr("\x1b")));
}

TEST(Report, SaysThatTheTimeWasOver) {
  Record record = healthy();
  record.complete = false;
  record.ports[1].visits.clear();
  EXPECT_THAT(text_of(record), HasSubstr("The time was over"));
  EXPECT_THAT(text_of(record), HasSubstr("192.0.2.1:143  no time was left"));
}

TEST(Report, HasAFormForPrograms) {
  Record record = healthy();
  record.ports[0].visits[0].peer.failure = tls::Failure::CertificateNameMismatch;
  const std::string json = report_json(record, judge(record, kNow));
  for (const char* words :
       {"{\"version\":1,\"target\":\"mail.example.org\"", "\"grade\":\"failed\"",
        "\"exit_status\":5", "\"complete\":true",
        "\"findings\":[{\"severity\":\"failure\",\"cause\":\"server_certificate_name_mismatch\"",
        "\"at\":[\"192.0.2.1:993\"]", "\"way\":\"tls\",\"offer\":\"all\"",
        "\"group\":\"X25519MLKEM768\"", "\"verification\":\"certificate_name_mismatch\"",
        "\"clear_capabilities\":\"IMAP4rev1 STARTTLS LOGINDISABLED\""}) {
    EXPECT_THAT(json, HasSubstr(words));
  }
  EXPECT_TRUE(json.ends_with("]}\n"));
}

}  // namespace
}  // namespace postern::probe
