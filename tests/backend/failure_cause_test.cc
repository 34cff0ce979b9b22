#include "proxy/backend/failure_cause.h"

#include <gtest/gtest.h>

#include "proxy/backend/dial_failure.h"
#include "proxy/imap/violation.h"
#include "tls/failure.h"

namespace postern {
namespace {

using imap::Violation;

Error imap(Violation violation) {
  return imap::imap_error(violation, "");
}

TEST(FailureCause, NamesTheOtherProtocol) {
  const auto of = [](std::string_view protocol) {
    return cause_of_failure(imap(Violation::NotImap), {.protocol = protocol});
  };
  EXPECT_EQ(of("POP3"), Cause::BackendSpeaksPop3);
  EXPECT_EQ(of("LMTP"), Cause::BackendSpeaksSmtp);
  EXPECT_EQ(of("HTTP"), Cause::BackendSpeaksHttp);
  EXPECT_EQ(of("TLS"), Cause::BackendSpeaksTls);
  EXPECT_EQ(of("SSH"), Cause::BackendNotImap);
}

TEST(FailureCause, AByeMaySpeakOfALimit) {
  const auto of = [](std::string_view said) {
    return cause_of_failure(imap(Violation::BackendBye), {.said = said});
  };
  EXPECT_EQ(of("* BYE Maximum connection limit reached for 10.0.0.1"), Cause::BackendAddressLimit);
  EXPECT_EQ(of("* BYE Too many open connections from your IP"), Cause::BackendAddressLimit);
  EXPECT_EQ(of("* BYE Disconnected for maintenance"), Cause::BackendBye);
}

TEST(FailureCause, AHandshakeFailureMeansThatNothingIsShared) {
  constexpr uint8_t kHandshakeFailure = 40;
  constexpr uint8_t kCertificateRequired = 116;
  const Error broke = tls::tls_error(tls::Failure::PeerAlert, "");
  EXPECT_EQ(cause_of_failure(broke, {.alert = kHandshakeFailure}),
            Cause::BackendNoSharedParameters);
  EXPECT_EQ(cause_of_failure(broke, {.alert = kCertificateRequired}),
            Cause::BackendWantsCertificate);
  EXPECT_EQ(cause_of_failure(broke), Cause::BackendBrokeOff);
}

TEST(FailureCause, AServerThatWasSpokenToIsSlow) {
  const Error silent = dial_error(DialFailure::GreetingTimeout, "");
  EXPECT_EQ(cause_of_failure(silent, {.spoke_first = true}), Cause::BackendSlow);
  EXPECT_EQ(cause_of_failure(silent, {}), Cause::BackendGreetingTimeout);
}

}  // namespace
}  // namespace postern
