#include "proxy/session/internal/client_cause.h"

#include <gtest/gtest.h>

#include "proxy/imap/violation.h"
#include "proxy/lookup/lookup_failure.h"
#include "proxy/net/failure.h"
#include "tls/alert.h"

namespace postern {
namespace {

// The first of all codes that has this name.
uint8_t alert(std::string_view name) {
  for (unsigned code = 0; code < 256; ++code) {
    if (tls::alert_name(static_cast<uint8_t>(code)) == name) {
      return static_cast<uint8_t>(code);
    }
  }
  ADD_FAILURE() << "no alert is called " << name;
  return 0;
}

TEST(ClientCause, OfAFailedHandshakeIsThatOfTheFailure) {
  const Error old = tls::tls_error(tls::Failure::UnsupportedVersion, "");
  EXPECT_EQ(cause_of_end(EndReason::HandshakeFailed, old, {}), Cause::ClientUnsupportedVersion);
  const Error gone = net::closed_error("");
  EXPECT_EQ(cause_of_end(EndReason::HandshakeFailed, gone, {}), Cause::ClientLeftHandshake);
}

TEST(ClientCause, AnAlertOfTheClientSaysMore) {
  const tls::Failure rejected = tls::Failure::PeerRejectedCertificate;
  EXPECT_EQ(cause_of_handshake(rejected, {}), Cause::ClientRejectsCertificate);
  EXPECT_EQ(cause_of_handshake(rejected, alert("bad_certificate")),
            Cause::ClientRejectsCertificate);
  EXPECT_EQ(cause_of_handshake(rejected, alert("unknown_ca")), Cause::ClientDoesNotKnowAuthority);
  EXPECT_EQ(cause_of_handshake(rejected, alert("certificate_expired")),
            Cause::ClientFindsCertificateExpired);
  EXPECT_EQ(cause_of_handshake(tls::Failure::PeerAlert, alert("handshake_failure")),
            Cause::ClientRefusesParameters);
  EXPECT_EQ(cause_of_handshake(tls::Failure::PeerAlert, alert("internal_error")),
            Cause::ClientBrokeOff);
}

TEST(ClientCause, OfARejectedCertificateIsWhatIsWrongWithIt) {
  constexpr int64_t kNowS = 1'800'000'000;
  tls::CertificateStore::Description served{.label = "",
                                            .where = "",
                                            .names = {},
                                            .key_type = tls::KeyType::Ecdsa,
                                            .not_before = kNowS - 10,
                                            .not_after = kNowS + 10,
                                            .fingerprint_sha256 = ""};
  EXPECT_EQ(fault_of(served, kNowS), std::nullopt);
  EXPECT_EQ(fault_of(served, kNowS + 10), Cause::CertificateExpired);
  EXPECT_EQ(fault_of(served, kNowS - 11), Cause::CertificateNotYetValid);
  served.intermediates = {{.subject = "CN=R3", .not_before = 0, .not_after = kNowS - 1}};
  EXPECT_EQ(fault_of(served, kNowS), Cause::CertificateExpired);
  served.intermediates.clear();
  served.self_signed = true;
  EXPECT_EQ(fault_of(served, kNowS), Cause::CertificateSelfSigned);
}

TEST(ClientCause, OfAViolationIsWhatWasViolated) {
  const auto of = [](imap::Violation violation) {
    return cause_of_end(EndReason::ClientViolation, imap::imap_error(violation, ""), {});
  };
  EXPECT_EQ(of(imap::Violation::TlsOnCleartext), Cause::ClientTlsOnCleartext);
  EXPECT_EQ(of(imap::Violation::LineTooLong), Cause::ClientCommandTooLong);
}

TEST(ClientCause, OfAnUnreachedServerIsTheLastFailure) {
  const Error error = net::closed_error("");
  EXPECT_EQ(cause_of_end(EndReason::BackendUnavailable, error, {}), Cause::BackendConnectionClosed);
  EXPECT_EQ(cause_of_end(EndReason::BackendUnavailable, {}, {}), Cause::BackendUnavailable);
  EXPECT_EQ(cause_of_end(EndReason::BackendClosed, error, {}), Cause::BackendClosed);
}

TEST(ClientCause, OfAFailedLookupIsWhyItFailed) {
  const Error slow = lookup_error(LookupFailure::TimedOut);
  EXPECT_EQ(cause_of_end(EndReason::LookupUnavailable, slow, {}), Cause::LookupTimedOut);
  EXPECT_EQ(cause_of_end(EndReason::LookupUnavailable, {}, {}), Cause::LookupUnavailable);
}

}  // namespace
}  // namespace postern
