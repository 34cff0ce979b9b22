#include "tls/failure.h"

#include <algorithm>

#include "proxy/base/error_table.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {
namespace {

constexpr ErrorTable<Failure> kFailures({
    {Failure::UnsupportedVersion, "unsupported_version",
     "the peer offers no TLS version that the policy allows"},
    {Failure::NoSharedCipher, "no_shared_cipher",
     "no cipher suite is common to the peer and the policy"},
    {Failure::NoSharedGroup, "no_shared_group",
     "no key exchange group is common to the peer and the policy"},
    {Failure::NoSharedSignature, "no_shared_signature",
     "the peer can verify none of our certificates' signatures"},
    {Failure::NoApplicationProtocol, "no_application_protocol",
     "the peer's ALPN list does not contain imap"},
    {Failure::PlaintextImap, "plaintext_imap", "the peer speaks IMAP without TLS"},
    {Failure::PlaintextHttp, "plaintext_http", "the peer speaks HTTP without TLS"},
    {Failure::ProxyHeader, "proxy_header", "a PROXY protocol header came where none is expected"},
    {Failure::NotTls, "not_tls", "the peer does not speak TLS"},
    {Failure::CertificateUntrusted, "certificate_untrusted",
     "the certificate does not lead to a trusted authority"},
    {Failure::CertificateSelfSigned, "certificate_self_signed",
     "the certificate is self-signed and not trusted itself"},
    {Failure::CertificateExpired, "certificate_expired", "a certificate has expired"},
    {Failure::CertificateNotYetValid, "certificate_not_yet_valid",
     "a certificate is not valid yet"},
    {Failure::CertificateNameMismatch, "certificate_name_mismatch",
     "the certificate is for another name"},
    {Failure::CertificatePinMismatch, "certificate_pin_mismatch",
     "the certificate's public key is not a pinned one"},
    {Failure::CertificateRevoked, "certificate_revoked", "the certificate is revoked"},
    {Failure::RevocationUnknown, "revocation_unknown",
     "no revocation list in force covers the certificate"},
    {Failure::NoClientCertificate, "no_client_certificate",
     "the client has no certificate, but must show one"},
    {Failure::PeerRejectedCertificate, "peer_rejected_certificate",
     "the peer rejected our certificate"},
    {Failure::PeerAlert, "peer_alert", "the peer broke off with an alert"},
    {Failure::DecryptError, "decrypt_error", "a record or the handshake was not authentic"},
    {Failure::RenegotiationRefused, "renegotiation_refused", "the peer asked for renegotiation"},
    {Failure::TooManyPieces, "too_many_pieces", "the peer cuts its handshake into too many pieces"},
    {Failure::Truncated, "truncated", "the connection ended without close_notify"},
    {Failure::ProtocolError, "protocol_error", "the peer violated the TLS protocol"},
    {Failure::Internal, "internal", "TLS failed for a reason of our own"},
});

struct Reason {
  int boringssl;
  Failure failure;
};

constexpr Reason kReasons[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, Failure::UnsupportedVersion},
    {SSL_R_UNKNOWN_SSL_VERSION, Failure::UnsupportedVersion},
    {SSL_R_WRONG_SSL_VERSION, Failure::UnsupportedVersion},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, Failure::UnsupportedVersion},
    {SSL_R_NO_SHARED_CIPHER, Failure::NoSharedCipher},
    {SSL_R_NO_CIPHERS_AVAILABLE, Failure::NoSharedCipher},
    {SSL_R_NO_SHARED_GROUP, Failure::NoSharedGroup},
    {SSL_R_WRONG_CURVE, Failure::NoSharedGroup},
    {SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS, Failure::NoSharedSignature},
    {SSL_R_NO_APPLICATION_PROTOCOL, Failure::NoApplicationProtocol},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, Failure::NoApplicationProtocol},
    {SSL_R_HTTP_REQUEST, Failure::PlaintextHttp},
    {SSL_R_HTTPS_PROXY_REQUEST, Failure::PlaintextHttp},
    {SSL_R_WRONG_VERSION_NUMBER, Failure::NotTls},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, Failure::PeerRejectedCertificate},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, Failure::PeerRejectedCertificate},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, Failure::PeerRejectedCertificate},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, Failure::PeerRejectedCertificate},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, Failure::PeerRejectedCertificate},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, Failure::PeerRejectedCertificate},
    {SSL_R_TLSV1_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, Failure::PeerRejectedCertificate},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, Failure::DecryptError},
    {SSL_R_DIGEST_CHECK_FAILED, Failure::DecryptError},
    {SSL_R_BAD_SIGNATURE, Failure::DecryptError},
    {SSL_R_NO_RENEGOTIATION, Failure::RenegotiationRefused},
    {SSL_R_TLSV1_ALERT_NO_RENEGOTIATION, Failure::RenegotiationRefused},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, Failure::NoClientCertificate},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, Failure::CertificateUntrusted},
    {ERR_R_MALLOC_FAILURE, Failure::Internal},
    {ERR_R_INTERNAL_ERROR, Failure::Internal},
};

Failure classify(uint32_t packed) {
  const int reason = ERR_GET_REASON(packed);
  if (ERR_GET_LIB(packed) == ERR_LIB_USER) {
    return static_cast<Failure>(reason);  // a verdict of ours: see report_verdict()
  }
  if (ERR_GET_LIB(packed) != ERR_LIB_SSL) {
    return reason == ERR_R_MALLOC_FAILURE ? Failure::Internal : Failure::ProtocolError;
  }
  for (const Reason& known : kReasons) {
    if (known.boringssl == reason) {
      return known.failure;
    }
  }
  return reason >= SSL_AD_REASON_OFFSET ? Failure::PeerAlert : Failure::ProtocolError;
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_tag_char(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// A request, or the answer of a server; some answer what they cannot read without a status line.
bool looks_like_http(std::string_view text) {
  constexpr std::string_view kBegins[] = {
      "GET ",           "HEAD ",          "POST ",    "PUT ",    "HTTP/",
      "PRI ",           "OPTIONS ",       "CONNECT ", "DELETE ", "<!DOCTYPE HTML",
      "<!DOCTYPE html", "<!doctype html", "<html"};
  return std::any_of(std::begin(kBegins), std::end(kBegins),
                     [&](std::string_view begin) { return starts_with(text, begin); });
}

// A tag, a space and the first letter of a command; or a server's untagged response. Tags are any
// ASTRING-CHAR but "+" (RFC 9051 §9), but clients use letters, digits, and few signs.
bool looks_like_imap(std::string_view text) {
  if (starts_with(text, "* ")) {
    return true;
  }
  const auto* space = std::find_if_not(text.begin(), text.end(), is_tag_char);
  return space != text.begin() && text.end() - space >= 2 && *space == ' ' && is_letter(space[1]);
}

constexpr std::string_view kProxyV2("\r\n\r\n\0\r\nQUIT\n", 12);

}  // namespace

const char* name_of(Failure failure) {
  return kFailures[failure].label;
}

const ErrorDomain kTlsDomain = {"tls", kFailures.rows()};

Error tls_error(Failure failure, const char* during) {
  return {&kTlsDomain, during, static_cast<int32_t>(failure)};
}

// The oldest entry is the cause, unless it is only a detail of a later one that has a name: a
// failed decryption first reports what the cipher disliked, then what that means for TLS. BoringSSL
// refuses some ill-formed messages (a server name with a NUL) by an alert without any entry.
FailureDetail take_failure_detail() {
  FailureDetail found{.failure = Failure::ProtocolError};
  bool named = false;
  for (uint32_t packed = ERR_get_error(); packed != 0; packed = ERR_get_error()) {
    if (named) {
      continue;
    }
    const int reason = ERR_GET_REASON(packed);
    const bool of_tls = ERR_GET_LIB(packed) == ERR_LIB_SSL;
    found.failure = classify(packed);
    named = found.failure != Failure::ProtocolError;
    if (const char* text = ERR_reason_error_string(packed); of_tls && text != nullptr) {
      found.reason = text;
    }
    if (of_tls && reason >= SSL_AD_REASON_OFFSET) {
      found.alert = static_cast<uint8_t>(reason - SSL_AD_REASON_OFFSET);
    }
  }
  return found;
}

Failure failure_of_alert(uint8_t alert) {
  return classify(ERR_PACK(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + alert));
}

uint8_t report_verdict(Failure failure) {
  ERR_clear_error();
  ERR_put_error(ERR_LIB_USER, 0, static_cast<int>(failure), __FILE__, __LINE__);
  switch (failure) {
    case Failure::CertificateExpired:
    case Failure::CertificateNotYetValid:
      return SSL_AD_CERTIFICATE_EXPIRED;
    case Failure::CertificateUntrusted:
    case Failure::CertificateSelfSigned:
      return SSL_AD_UNKNOWN_CA;
    case Failure::CertificateRevoked:
      return SSL_AD_CERTIFICATE_REVOKED;
    default:
      return SSL_AD_CERTIFICATE_UNKNOWN;
  }
}

Failure recognise_plaintext(Bytes first) {
  constexpr uint8_t kAlert = 0x15;
  constexpr uint8_t kHandshake = 0x16;
  constexpr uint8_t kMajorVersion = 3;
  if (first.empty()) {
    return Failure::Truncated;
  }
  if (first[0] == kHandshake || first[0] == kAlert) {
    const bool may_be_record = first.size() < 2 || first[1] == kMajorVersion;
    return may_be_record ? Failure::Truncated : Failure::NotTls;
  }
  const std::string_view text = as_text(first);
  if (starts_with(text, "PROXY ") || starts_with(text, kProxyV2)) {
    return Failure::ProxyHeader;
  }
  if (looks_like_http(text)) {
    return Failure::PlaintextHttp;
  }
  if (looks_like_imap(text)) {
    return Failure::PlaintextImap;
  }
  // An SSLv2-compatible ClientHello (RFC 6101 appendix E): only clients from before TLS 1.2 send
  // it, and RFC 6176 forbids answering it.
  const bool sslv2_hello = first.size() >= 3 && (first[0] & 0x80U) != 0 && first[2] == 1;
  return sslv2_hello ? Failure::UnsupportedVersion : Failure::NotTls;
}

}  // namespace postern::tls
