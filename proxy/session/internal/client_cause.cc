#include "proxy/session/internal/client_cause.h"

#include <algorithm>
#include <string_view>

#include "proxy/backend/failure_cause.h"
#include "proxy/cause/causes_of.h"
#include "proxy/imap/violation.h"
#include "proxy/lookup/lookup_failure.h"
#include "proxy/net/failure.h"
#include "tls/alert.h"

namespace postern {
namespace {

using tls::Failure;

constexpr Causes<Failure> kClientTlsCauses({
    {Failure::UnsupportedVersion, Cause::ClientUnsupportedVersion},
    {Failure::NoSharedCipher, Cause::ClientNoSharedCipher},
    {Failure::NoSharedGroup, Cause::ClientNoSharedGroup},
    {Failure::NoSharedSignature, Cause::ClientNoSharedSignature},
    {Failure::NoApplicationProtocol, Cause::ClientNoApplicationProtocol},
    {Failure::PlaintextImap, Cause::ClientPlaintextImap},
    {Failure::PlaintextHttp, Cause::ClientPlaintextHttp},
    {Failure::ProxyHeader, Cause::ProxyHeaderRefused},
    {Failure::NotTls, Cause::ClientNotTls},
    {Failure::CertificateUntrusted, Cause::ClientCertificateUntrusted},
    {Failure::CertificateSelfSigned, Cause::ClientCertificateUntrusted},
    {Failure::CertificateExpired, Cause::ClientCertificateExpired},
    {Failure::CertificateNotYetValid, Cause::ClientCertificateExpired},
    {Failure::CertificateNameMismatch, Cause::ClientCertificateUntrusted},
    {Failure::CertificatePinMismatch, Cause::ClientCertificateUntrusted},
    {Failure::CertificateRevoked, Cause::ClientCertificateRevoked},
    {Failure::RevocationUnknown, Cause::ClientRevocationUnknown},
    {Failure::NoClientCertificate, Cause::ClientNoCertificate},
    {Failure::PeerRejectedCertificate, Cause::ClientRejectsCertificate},
    {Failure::PeerAlert, Cause::ClientBrokeOff},
    {Failure::DecryptError, Cause::ClientTlsViolation},
    {Failure::RenegotiationRefused, Cause::ClientTlsViolation},
    {Failure::TooManyPieces, Cause::ClientTlsViolation},
    {Failure::Truncated, Cause::ClientLeftHandshake},
    {Failure::ProtocolError, Cause::ClientTlsViolation},
    {Failure::Internal, Cause::GatewayFailed},
});

// Alerts that say more than the failure that they are.
struct AlertCause {
  std::string_view alert;
  Cause cause;
};
constexpr AlertCause kAlerts[] = {
    {"unknown_ca", Cause::ClientDoesNotKnowAuthority},
    {"certificate_expired", Cause::ClientFindsCertificateExpired},
    {"bad_certificate_status_response", Cause::ClientWantsStaple},
    {"handshake_failure", Cause::ClientRefusesParameters},
    {"insufficient_security", Cause::ClientRefusesParameters},
    {"protocol_version", Cause::ClientRefusesParameters},
};

}  // namespace

Cause cause_of_handshake(Failure failure, std::optional<uint8_t> alert) {
  if (alert) {
    const auto* found = std::ranges::find(kAlerts, tls::alert_name(*alert), &AlertCause::alert);
    if (found != std::end(kAlerts)) {
      return found->cause;
    }
  }
  return kClientTlsCauses[failure];
}

std::optional<Cause> fault_of(const tls::CertificateStore::Description& served, int64_t now_s) {
  const int64_t chain_end_s = served.intermediates_end();
  if (served.not_after <= now_s || (chain_end_s != 0 && chain_end_s <= now_s)) {
    return Cause::CertificateExpired;
  }
  if (served.not_before > now_s) {
    return Cause::CertificateNotYetValid;
  }
  return served.self_signed ? std::optional(Cause::CertificateSelfSigned) : std::nullopt;
}

Cause cause_of_end(EndReason reason, const Error& error, std::optional<uint8_t> alert) {
  const bool of_tls = error.domain == &tls::kTlsDomain;
  if (reason == EndReason::HandshakeFailed && of_tls) {
    return cause_of_handshake(static_cast<Failure>(error.code), alert);
  }
  if (reason == EndReason::HandshakeFailed && error.domain == &net::kNetDomain) {
    return Cause::ClientLeftHandshake;
  }
  if (reason == EndReason::ClientViolation && of_tls) {
    return Cause::ClientTlsViolation;
  }
  if (reason == EndReason::LookupUnavailable && error.domain == &kLookupDomain) {
    return cause_of_lookup(error);
  }
  const bool by_words = error.domain == &imap::kImapDomain;
  if (((reason == EndReason::ClientViolation || reason == EndReason::BackendViolation ||
        reason == EndReason::BackendClosed || reason == EndReason::BackendFailed) &&
       by_words) ||
      (reason == EndReason::BackendUnavailable && error)) {
    return cause_of_failure(error);
  }
  return kEndReasonCauses[reason];
}

}  // namespace postern
