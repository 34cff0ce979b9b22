#include "proxy/backend/failure_cause.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "proxy/backend/dial_failure.h"
#include "proxy/base/check.h"
#include "proxy/cause/causes_of.h"
#include "proxy/imap/violation.h"
#include "proxy/net/failure.h"
#include "tls/alert.h"
#include "tls/failure.h"

namespace postern {
namespace {

using imap::Violation;
using tls::Failure;

constexpr Causes<Failure> kServerTlsCauses({
    {Failure::UnsupportedVersion, Cause::BackendUnsupportedVersion},
    {Failure::NoSharedCipher, Cause::BackendNoSharedParameters},
    {Failure::NoSharedGroup, Cause::BackendNoSharedParameters},
    {Failure::NoSharedSignature, Cause::BackendNoSharedParameters},
    {Failure::NoApplicationProtocol, Cause::BackendNotImap},
    {Failure::PlaintextImap, Cause::BackendSpeaksPlain},
    {Failure::PlaintextHttp, Cause::BackendSpeaksHttp},
    {Failure::ProxyHeader, Cause::BackendTlsViolation},
    {Failure::NotTls, Cause::BackendSpeaksPlain},
    {Failure::CertificateUntrusted, Cause::BackendCertificateUntrusted},
    {Failure::CertificateSelfSigned, Cause::BackendCertificateSelfSigned},
    {Failure::CertificateExpired, Cause::BackendCertificateExpired},
    {Failure::CertificateNotYetValid, Cause::BackendCertificateNotYetValid},
    {Failure::CertificateNameMismatch, Cause::BackendCertificateNameMismatch},
    {Failure::CertificatePinMismatch, Cause::BackendCertificatePinMismatch},
    {Failure::CertificateRevoked, Cause::BackendCertificateUntrusted},
    {Failure::RevocationUnknown, Cause::BackendCertificateUntrusted},
    {Failure::NoClientCertificate, Cause::BackendTlsViolation},
    {Failure::PeerRejectedCertificate, Cause::BackendWantsCertificate},
    {Failure::PeerAlert, Cause::BackendBrokeOff},
    {Failure::DecryptError, Cause::BackendTlsViolation},
    {Failure::RenegotiationRefused, Cause::BackendTlsViolation},
    {Failure::TooManyPieces, Cause::BackendTlsViolation},
    {Failure::Truncated, Cause::BackendConnectionClosed},
    {Failure::ProtocolError, Cause::BackendTlsViolation},
    {Failure::Internal, Cause::GatewayFailed},
});

constexpr Causes<Violation> kImapCauses({
    {Violation::LineTooLong, Cause::ClientCommandTooLong},
    {Violation::LiteralTooLong, Cause::ClientCommandTooLong},
    {Violation::BadLiteral, Cause::ClientViolation},
    {Violation::TooManyRefusals, Cause::ClientTalksTooMuch},
    {Violation::TooManyPending, Cause::ClientTalksTooMuch},
    {Violation::TalkSpent, Cause::ClientTalksTooMuch},
    {Violation::Unauthenticated, Cause::ClientViolation},
    {Violation::NotImap, Cause::BackendNotImap},
    {Violation::BackendLineTooLong, Cause::BackendViolation},
    {Violation::BackendBye, Cause::BackendBye},
    {Violation::BackendPreauth, Cause::BackendPreauth},
    {Violation::HeaderUnexpected, Cause::BackendProxyHeaderUnexpected},
    {Violation::StarttlsMissing, Cause::BackendStarttlsMissing},
    {Violation::StarttlsRefused, Cause::BackendStarttlsRefused},
    {Violation::StarttlsInjection, Cause::BackendStarttlsInjection},
    {Violation::TooManyBadCommands, Cause::ClientTalksTooMuch},
    {Violation::TlsOnCleartext, Cause::ClientTlsOnCleartext},
    {Violation::HttpOnCleartext, Cause::ClientHttpOnCleartext},
});

constexpr Causes<DialFailure> kDialCauses({
    {DialFailure::GreetingTimeout, Cause::BackendGreetingTimeout},
    {DialFailure::Overtaken, Cause::BackendOvertaken},
    {DialFailure::ServerFull, Cause::BackendFull},
    {DialFailure::NoServer, Cause::BackendDrained},
    {DialFailure::UserHeld, Cause::UserHeld},
    {DialFailure::NoLocalPort, Cause::NoLocalPort},
    {DialFailure::NoSource, Cause::SourceNotAvailable},
    {DialFailure::NameServerSilent, Cause::NameServerSilent},
});

// Labels of kNetDomain, whose codes are libuv's.
struct NetCause {
  std::string_view label;
  Cause cause;
};
constexpr NetCause kNetCauses[] = {
    {"connection_refused", Cause::BackendConnectionRefused},
    {"connection_reset", Cause::BackendConnectionReset},
    {"connection_aborted", Cause::BackendConnectionReset},
    {"connection_closed", Cause::BackendConnectionClosed},
    {"timed_out", Cause::BackendTimedOut},
    {"network_unreachable", Cause::BackendUnreachable},
    {"host_unreachable", Cause::BackendUnreachable},
    {"address_in_use", Cause::NoLocalPort},
    {"address_not_available", Cause::AddressNotAvailable},
    {"permission_denied", Cause::ConnectionNotPermitted},
    {"too_many_open_files", Cause::TooManyOpenFiles},
    {"out_of_memory", Cause::OutOfMemory},
    {"canceled", Cause::GatewayFailed},
    {"name_not_found", Cause::BackendNameNotFound},
    {"name_server_unavailable", Cause::NameServerUnavailable},
    {"name_lookup_failed", Cause::NameServerUnavailable},
    {"other", Cause::GatewayFailed},
};

Cause cause_of_label(std::string_view label) {
  const auto* found = std::ranges::find(kNetCauses, label, &NetCause::label);
  return found != std::end(kNetCauses) ? found->cause : Cause::GatewayFailed;
}

struct ProtocolCause {
  std::string_view protocol;
  Cause cause;
};
constexpr ProtocolCause kProtocols[] = {
    {"POP3", Cause::BackendSpeaksPop3}, {"SMTP", Cause::BackendSpeaksSmtp},
    {"LMTP", Cause::BackendSpeaksSmtp}, {"HTTP", Cause::BackendSpeaksHttp},
    {"TLS", Cause::BackendSpeaksTls},
};

Cause cause_of_protocol(std::string_view protocol) {
  const auto* found = std::ranges::find(kProtocols, protocol, &ProtocolCause::protocol);
  return found != std::end(kProtocols) ? found->cause : Cause::BackendNotImap;
}

// "Maximum connection limit reached", "Too many connections from your host".
bool speaks_of_a_limit(std::string_view said) {
  std::string words(said);
  std::ranges::transform(words, words.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return words.find("connection") != std::string::npos &&
         (words.find("maximum") != std::string::npos ||
          words.find("too many") != std::string::npos || words.find("limit") != std::string::npos);
}

Cause cause_of_alert(std::string_view alert) {
  if (alert == "handshake_failure" || alert == "insufficient_security") {
    return Cause::BackendNoSharedParameters;
  }
  return alert == "certificate_required" ? Cause::BackendWantsCertificate : Cause::BackendBrokeOff;
}

}  // namespace

Cause cause_of_failure(const Error& error) {
  if (error.domain == &tls::kTlsDomain) {
    return kServerTlsCauses[static_cast<Failure>(error.code)];
  }
  if (error.domain == &imap::kImapDomain) {
    return kImapCauses[static_cast<Violation>(error.code)];
  }
  if (error.domain == &kDialDomain) {
    return kDialCauses[static_cast<DialFailure>(error.code)];
  }
  return cause_of_label(error.label());
}

Cause cause_of_failure(const Error& error, const FailureSigns& signs) {
  const Cause cause = cause_of_failure(error);
  switch (cause) {
    case Cause::BackendNotImap:
      return cause_of_protocol(signs.protocol);
    case Cause::BackendBye:
      return speaks_of_a_limit(signs.said) ? Cause::BackendAddressLimit : cause;
    case Cause::BackendBrokeOff:
      return signs.alert ? cause_of_alert(tls::alert_name(*signs.alert)) : cause;
    case Cause::BackendConnectionClosed:
    case Cause::BackendConnectionReset:
      return signs.kept_waiting ? Cause::BackendProxyHeaderExpected : cause;
    case Cause::BackendGreetingTimeout:
      return signs.spoke_first ? Cause::BackendSlow : cause;
    default:
      return cause;
  }
}

Cause cause_of_login(imap::LoginResult result) {
  switch (result) {
    case imap::LoginResult::Success:
      break;
    case imap::LoginResult::Failure:
      return Cause::LoginFailed;
    case imap::LoginResult::Abandoned:
    case imap::LoginResult::Cancelled:
      return Cause::LoginAbandoned;
    case imap::LoginResult::Unsupported:
      return Cause::LoginMechanismUnsupported;
    case imap::LoginResult::PrivacyRequired:
      return Cause::BackendPrivacyRequired;
    case imap::LoginResult::Denied:
      return Cause::LoginDenied;
    case imap::LoginResult::Expired:
      return Cause::LoginExpired;
    case imap::LoginResult::Unavailable:
      return Cause::LoginUnavailable;
    case imap::LoginResult::Interrupted:
      return Cause::BackendClosed;
  }
  check(false, "a login that has succeeded has no cause");
  return Cause::LoginFailed;
}

}  // namespace postern
