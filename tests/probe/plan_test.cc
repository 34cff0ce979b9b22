#include "proxy/probe/internal/plan.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/probe/records.h"

namespace postern::probe {
namespace {

constexpr VisitPlan kClear{.way = Way::Clear};
constexpr VisitPlan kTls{.way = Way::Tls};
constexpr VisitPlan kInjection{.way = Way::Clear, .injects = true};

TEST(Plan, BeginsAsThePortSays) {
  EXPECT_EQ(next_look(port(993)), kTls);
  EXPECT_EQ(next_look(port(143)), kClear);
  EXPECT_EQ(next_look(port(1993)), kClear);
  PortRecord known = port(1993);
  known.begins = Way::Tls;
  EXPECT_EQ(next_look(known), kTls);
}

TEST(Plan, LeavesAPortThatIsNotReached) {
  EXPECT_EQ(next_look(port(993, {failed(kTls, Cause::BackendConnectionRefused, false)})),
            std::nullopt);
  EXPECT_EQ(next_look(port(143, {failed(kClear, Cause::BackendTimedOut, false)})), std::nullopt);
}

TEST(Plan, TriesTheOtherWay) {
  EXPECT_EQ(next_look(port(143, {failed(kClear, Cause::BackendGreetingTimeout)})), kTls);
  EXPECT_EQ(next_look(port(993, {failed(kTls, Cause::BackendSpeaksPlain)})), kClear);
  EXPECT_EQ(next_look(port(993, {failed(kTls, Cause::BackendSpeaksPlain), greeted(kClear)})),
            kInjection);
  VisitRecord smtp = failed(kClear, Cause::BackendSpeaksSmtp);
  smtp.protocol = "SMTP";
  EXPECT_EQ(next_look(port(143, {smtp})), std::nullopt);
  EXPECT_EQ(next_look(port(993, {failed(kTls, Cause::BackendSpeaksPlain), smtp})), std::nullopt);
}

TEST(Plan, TriesAnInjectionWhereStarttlsWorks) {
  EXPECT_EQ(next_look(port(143, {greeted(kClear)})), kInjection);
  EXPECT_EQ(next_look(port(143, {greeted(kClear), greeted(kInjection)})), std::nullopt);
  EXPECT_EQ(next_look(port(993, {greeted(kTls)})), std::nullopt);
}

TEST(Plan, TriesASmallHelloWhereALargeOneFails) {
  const VisitPlan small{.way = Way::Tls, .offer = Offer::Classical};
  const VisitRecord silent = failed(kTls, Cause::BackendGreetingTimeout);
  EXPECT_EQ(next_look(port(993, {silent, failed(kClear, Cause::BackendGreetingTimeout)})), small);
  EXPECT_EQ(next_look(port(993, {silent, failed(kClear, Cause::BackendGreetingTimeout),
                                 failed(small, Cause::BackendGreetingTimeout)})),
            std::nullopt);
}

TEST(Plan, LogsInOnlyWhereNoStrangerLearnsThePassword) {
  EXPECT_EQ(login_plan(port(993, {greeted(kTls)})), (VisitPlan{.way = Way::Tls, .logs_in = true}));
  EXPECT_EQ(login_plan(port(143, {greeted(kClear)})),
            (VisitPlan{.way = Way::Clear, .logs_in = true}));
  VisitRecord bad = greeted(kTls);
  bad.peer.failure = tls::Failure::CertificateNameMismatch;
  EXPECT_EQ(login_plan(port(993, {bad})), std::nullopt);
  VisitRecord clear = greeted(kClear);
  clear.handshake.reset();
  EXPECT_EQ(login_plan(port(143, {clear})), std::nullopt);
  EXPECT_EQ(login_plan(port(993)), std::nullopt);
}

// The offers of a scan, if each is answered.
std::vector<Offer> scan(PortRecord record) {
  std::vector<Offer> offers;
  while (const auto plan = next_scan(record)) {
    EXPECT_FALSE(plan->talks);
    offers.push_back(plan->offer);
    record.visits.push_back(visit(*plan));
  }
  EXPECT_LE(record.visits.size(), kMostVisits);
  return offers;
}

TEST(Plan, ScansWhatTheFirstHandshakeLeavesOpen) {
  using testing::ElementsAre;
  EXPECT_THAT(
      scan(port(993, {greeted(kTls)})),
      ElementsAre(Offer::Classical, Offer::Again, Offer::Tls12, Offer::Tls11, Offer::Tls10));
  VisitRecord old = greeted(kTls);
  old.handshake = handshake(tls::Version::Tls10, "X25519");
  EXPECT_THAT(scan(port(993, {old})), ElementsAre(Offer::Again));
  old.handshake = handshake(tls::Version::Tls12, "X25519");
  EXPECT_THAT(scan(port(143, {old, greeted(kInjection)})),
              ElementsAre(Offer::Again, Offer::Tls11, Offer::Tls10));
  EXPECT_THAT(scan(port(993, {failed(kTls, Cause::BackendBrokeOff)})), ElementsAre());
}

}  // namespace
}  // namespace postern::probe
