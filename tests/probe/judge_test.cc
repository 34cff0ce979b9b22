#include "proxy/probe/judge.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probe/records.h"

namespace postern::probe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr VisitPlan kTls{.way = Way::Tls};
using Found = std::vector<std::pair<Severity, Cause>>;

Found findings(const Record& record) {
  Found found;
  for (const Finding& one : judge(record, kNow)) {
    found.emplace_back(one.severity, one.cause);
  }
  return found;
}

TEST(Judge, FindsNothingAtAHealthyServer) {
  EXPECT_THAT(findings(healthy()), ElementsAre());
  EXPECT_EQ(grade_of({}), Grade::Good);
}

TEST(Judge, NamesWhatIsNotReached) {
  Record record = healthy();
  record.ports[1].visits = {failed({}, Cause::BackendConnectionRefused, false)};
  EXPECT_THAT(findings(record), ElementsAre()) << "993 alone is enough";
  record = healthy();
  record.ports[0].visits = {failed(kTls, Cause::BackendConnectionRefused, false)};
  EXPECT_EQ(findings(record), (Found{{Severity::Warning, Cause::ServerLacksTlsPort}}));
  record.ports[0].visits = {failed(kTls, Cause::BackendTimedOut, false)};
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::ServerFiltered}}));
  record.ports[1].visits = {failed({}, Cause::BackendTimedOut, false)};
  const auto both = judge(record, kNow);
  ASSERT_EQ(both.size(), 1U) << "the same at two ports is one finding";
  EXPECT_THAT(both[0].where, ElementsAre("192.0.2.1:993", "192.0.2.1:143"));
  EXPECT_EQ(grade_of(both), Grade::Failed);
}

TEST(Judge, BlamesNoServerForAMachineWithoutIpv6) {
  Record record = healthy();
  const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8};
  record.ports.push_back(
      {net::Address::from_ip(ip, 993), {failed(kTls, Cause::BackendUnreachable, false)}});
  EXPECT_EQ(findings(record), (Found{{Severity::Note, Cause::BackendUnreachable}}));
  record.ports.erase(record.ports.begin(), record.ports.begin() + 2);
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::BackendUnreachable}}));
}

TEST(Judge, NamesWhatElseAnswers) {
  const std::pair<Cause, Cause> cases[] = {
      {Cause::BackendSpeaksSmtp, Cause::BackendSpeaksSmtp},
      {Cause::BackendSpeaksPop3, Cause::BackendSpeaksPop3},
      {Cause::BackendSpeaksHttp, Cause::BackendSpeaksHttp},
      {Cause::BackendNotImap, Cause::ServerSpeaksOther},
      {Cause::BackendGreetingTimeout, Cause::ServerSilent},
      {Cause::BackendTimedOut, Cause::ServerSilent},
      {Cause::BackendConnectionClosed, Cause::ServerHangsUp},
      {Cause::BackendBrokeOff, Cause::BackendBrokeOff},
  };
  for (const auto& [seen, wanted] : cases) {
    Record record = healthy();
    record.ports = {port(143, {failed({}, seen)})};
    EXPECT_EQ(findings(record), (Found{{Severity::Failure, wanted}})) << name_of(seen);
  }
}

TEST(Judge, NamesTheWrongWayOfAPort) {
  Record record = healthy();
  record.ports = {port(993, {failed(kTls, Cause::BackendSpeaksPlain), greeted({})})};
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::ServerSpeaksClear}}));
  record.ports = {port(143, {failed({}, Cause::BackendGreetingTimeout), greeted(kTls)})};
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::ServerSpeaksTls}}));
  record.ports = {port(1993, {failed({}, Cause::BackendGreetingTimeout), greeted(kTls)})};
  EXPECT_THAT(findings(record), ElementsAre()) << "another port may do either";
}

// Each spoils the visit of 143 in one way.
TEST(Judge, NamesWhatIsWrongInClear) {
  struct Case {
    std::function<void(VisitRecord&)> spoil;
    Severity severity;
    Cause cause;
  };
  const auto fails = [](Cause cause) {
    return [cause](VisitRecord& one) {
      one.handshake.reset();
      one.failure = cause;
    };
  };
  const Case cases[] = {
      {fails(Cause::BackendStarttlsMissing), Severity::Danger, Cause::ServerLacksStarttls},
      {fails(Cause::BackendStarttlsInjection), Severity::Danger, Cause::BackendStarttlsInjection},
      {fails(Cause::BackendStarttlsRefused), Severity::Failure, Cause::BackendStarttlsRefused},
      {fails(Cause::BackendBye), Severity::Failure, Cause::BackendBye},
      {fails(Cause::BackendPreauth), Severity::Danger, Cause::ServerLogsInUnasked},
      {fails(Cause::BackendTlsViolation), Severity::Failure, Cause::BackendTlsViolation},
      {[](VisitRecord& one) { one.clear_capabilities = " IMAP4rev1 STARTTLS"; }, Severity::Danger,
       Cause::ServerTakesPasswordsInClear},
      {[](VisitRecord& one) { one.answered_injection = true; }, Severity::Danger,
       Cause::ServerRunsInjectedCommands},
  };
  for (const Case& one : cases) {
    Record record = healthy();
    one.spoil(record.ports[1].visits[0]);
    EXPECT_EQ(findings(record), (Found{{one.severity, one.cause}})) << name_of(one.cause);
  }
}

TEST(Judge, GivesTheFixOfTheServerThatGreets) {
  Record record = healthy();
  record.ports[1].visits[0].clear_capabilities = " IMAP4rev1 STARTTLS";
  EXPECT_THAT(judge(record, kNow).at(0).fix, HasSubstr("auth_allow_cleartext"));
}

// Each spoils what 993 shows in TLS in one way.
TEST(Judge, NamesWhatIsWrongInTls) {
  struct Case {
    std::function<void(VisitRecord&)> spoil;
    Severity severity;
    Cause cause;
  };
  const auto untrusted = [](bool self_signed) {
    return [self_signed](VisitRecord& one) {
      one.peer.failure = tls::Failure::CertificateUntrusted;
      one.peer.chain[0].self_signed = self_signed;
    };
  };
  const auto negotiates = [](tls::Handshake made) {
    return [made](VisitRecord& one) { one.handshake = made; };
  };
  const auto verifies = [](tls::Failure failure) {
    return [failure](VisitRecord& one) { one.peer.failure = failure; };
  };
  const Case cases[] = {
      {untrusted(true), Severity::Failure, Cause::ServerCertificateUntrusted},
      {untrusted(false), Severity::Failure, Cause::ServerChainIncomplete},
      {verifies(tls::Failure::CertificateExpired), Severity::Failure,
       Cause::ServerCertificateExpired},
      {verifies(tls::Failure::CertificateNotYetValid), Severity::Failure,
       Cause::ServerCertificateNotYetValid},
      {verifies(tls::Failure::CertificateNameMismatch), Severity::Failure,
       Cause::ServerCertificateNameMismatch},
      {[](VisitRecord& one) { one.peer.chain[0].not_after = kNow + 3 * kDay; }, Severity::Warning,
       Cause::ServerCertificateEndsSoon},
      {[](VisitRecord& one) { one.peer.must_staple = true; }, Severity::Failure,
       Cause::ServerStapleMissing},
      {[](VisitRecord& one) { one.peer.staple = tls::StapleState::Outdated; }, Severity::Warning,
       Cause::ServerStapleOutdated},
      {[](VisitRecord& one) {
         one.peer.chain[0].key = "RSA 1024";
         one.peer.leaf_bits = 1024;
       },
       Severity::Warning, Cause::ServerKeyWeak},
      {negotiates(handshake(tls::Version::Tls10, "X25519")), Severity::Failure,
       Cause::ServerTlsTooOld},
      {negotiates(handshake(tls::Version::Tls12, "X25519")), Severity::Note,
       Cause::ServerLacksTls13},
      {negotiates(handshake(tls::Version::Tls13, "X25519")), Severity::Note,
       Cause::ServerLacksPostQuantum},
      {[](VisitRecord& one) { one.plan.offer = Offer::Classical; }, Severity::Failure,
       Cause::ServerRefusesLargeHello},
      {[](VisitRecord& one) { one.capabilities = " IMAP4rev1 LOGINDISABLED"; }, Severity::Failure,
       Cause::ServerLoginDisabled},
      {[](VisitRecord& one) { one.times.greeting_us = 1'500'000; }, Severity::Warning,
       Cause::ServerSlow},
  };
  for (const Case& one : cases) {
    Record record = healthy();
    one.spoil(record.ports[0].visits[0]);
    EXPECT_EQ(findings(record), (Found{{one.severity, one.cause}})) << name_of(one.cause);
  }
}

TEST(Judge, NamesOldVersionsThatTheScanFinds) {
  Record record = healthy();
  VisitRecord old = visit({.way = Way::Tls, .offer = Offer::Tls10, .talks = false});
  old.handshake = handshake(tls::Version::Tls10);
  record.ports[0].visits.push_back(old);
  const auto found = judge(record, kNow);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].cause, Cause::ServerTakesOldTls);
  EXPECT_EQ(found[0].evidence, "TLS 1.0");
  EXPECT_THAT(found[0].fix, HasSubstr("ssl_min_protocol"));
}

TEST(Judge, NamesANameThatIsNotFound) {
  Record record = healthy();
  record.ports.clear();
  record.resolve_failure = Cause::BackendNameNotFound;
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::ServerNameNotFound}}));
  record.resolve_failure = Cause::NameServerSilent;
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::NameServerSilent}}));
  record.services = {{"_imaps._tcp", {0, 1, 993, "mail.example.org"}}};
  EXPECT_THAT(judge(record, kNow)[0].evidence, HasSubstr("mail.example.org:993"));
}

TEST(Judge, PutsTheWorstFirstAndGradesByIt) {
  Record record = healthy();
  record.ports[0].visits[0].handshake = handshake(tls::Version::Tls13, "X25519");
  EXPECT_EQ(grade_of(judge(record, kNow)), Grade::Good) << "a note mends nothing";
  record.ports[1].visits[0].clear_capabilities = " IMAP4rev1 STARTTLS";
  EXPECT_EQ(findings(record), (Found{{Severity::Danger, Cause::ServerTakesPasswordsInClear},
                                     {Severity::Note, Cause::ServerLacksPostQuantum}}));
  EXPECT_EQ(grade_of(judge(record, kNow)), Grade::Poor);
}

TEST(Judge, PrefersWhatAServerDoesToItsSilence) {
  Record record = healthy();
  record.ports = {port(1993, {failed({}, Cause::BackendGreetingTimeout),
                              failed({.way = Way::Tls}, Cause::BackendNoSharedParameters)})};
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::BackendNoSharedParameters}}));
}

TEST(Judge, NamesWhatAUserMeets) {
  Record record = healthy();
  VisitRecord user = greeted({.way = Way::Tls, .logs_in = true});
  user.login = imap::LoginResult::Success;
  user.user_steps = {{.command = "LOGIN", .ok = true}, {.command = "EXAMINE", .ok = true}};
  record.ports[0].visits.push_back(user);
  EXPECT_THAT(findings(record), ElementsAre());
  record.ports[0].visits.back().user_steps[1].ok = false;
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::ServerMailboxFails}}));
  record.ports[0].visits.back().user_steps[1] = {.command = "EXAMINE", .ok = true, .us = 2'000'000};
  EXPECT_EQ(findings(record), (Found{{Severity::Warning, Cause::ServerSlow}}));
  record.ports[0].visits.back().login = imap::LoginResult::Failure;
  record.ports[0].visits.back().user_steps = {
      {.command = "LOGIN", .said = "P0 NO no", .us = 2'000'000}};
  EXPECT_EQ(findings(record), (Found{{Severity::Failure, Cause::LoginFailed}}));
}

TEST(Judge, ExitStatusRisesWithTheGrade) {
  EXPECT_EQ(exit_status(Grade::Good), 0);
  EXPECT_EQ(exit_status(Grade::Fair), 3);
  EXPECT_EQ(exit_status(Grade::Poor), 4);
  EXPECT_EQ(exit_status(Grade::Failed), 5);
}

}  // namespace
}  // namespace postern::probe
