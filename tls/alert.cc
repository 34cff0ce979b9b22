#include "tls/alert.h"

#include <cstddef>

#include "tls/internal/boringssl.h"

namespace postern::tls {
namespace {

struct Row {
  uint8_t code;
  const char* name;
  const char* meaning = "";
};

constexpr Row kAlerts[] = {
    {SSL_AD_CLOSE_NOTIFY, "close_notify"},
    {SSL_AD_UNEXPECTED_MESSAGE, "unexpected_message"},
    {SSL_AD_BAD_RECORD_MAC, "bad_record_mac"},
    {SSL_AD_RECORD_OVERFLOW, "record_overflow"},
    {SSL_AD_HANDSHAKE_FAILURE, "handshake_failure",
     "the client shares no parameter with the server, see tls.policy"},
    {SSL_AD_BAD_CERTIFICATE, "bad_certificate",
     "the client does not accept the certificate: compare its names with `sni`, or its user has "
     "rejected it"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported_certificate",
     "the client does not know this kind of certificate"},
    {SSL_AD_CERTIFICATE_REVOKED, "certificate_revoked",
     "the client has learnt that the certificate is revoked"},
    {SSL_AD_CERTIFICATE_EXPIRED, "certificate_expired",
     "by the client's clock a certificate of the chain is not valid now"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "certificate_unknown",
     "the client rejects the certificate, often for its name, or its user did"},
    {SSL_AD_ILLEGAL_PARAMETER, "illegal_parameter"},
    {SSL_AD_UNKNOWN_CA, "unknown_ca",
     "the client does not trust the chain: an intermediate is missing, or it does not know the "
     "authority"},
    {SSL_AD_ACCESS_DENIED, "access_denied"},
    {SSL_AD_DECODE_ERROR, "decode_error"},
    {SSL_AD_DECRYPT_ERROR, "decrypt_error"},
    {SSL_AD_PROTOCOL_VERSION, "protocol_version",
     "the client does not support the version, see tls.policy"},
    {SSL_AD_INSUFFICIENT_SECURITY, "insufficient_security",
     "the client demands more than tls.policy offers"},
    {SSL_AD_INTERNAL_ERROR, "internal_error"},
    {SSL_AD_INAPPROPRIATE_FALLBACK, "inappropriate_fallback"},
    {SSL_AD_USER_CANCELLED, "user_canceled", "the client's user gave up"},
    {SSL_AD_NO_RENEGOTIATION, "no_renegotiation"},
    {SSL_AD_MISSING_EXTENSION, "missing_extension"},
    {SSL_AD_UNSUPPORTED_EXTENSION, "unsupported_extension"},
    {SSL_AD_UNRECOGNIZED_NAME, "unrecognized_name"},
    {SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response",
     "the client wants another OCSP response than is stapled"},
    {SSL_AD_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity"},
    {SSL_AD_CERTIFICATE_REQUIRED, "certificate_required"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, "no_application_protocol"},
};

const Row* find(uint8_t code) {
  for (const Row& row : kAlerts) {
    if (row.code == code) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace

const char* alert_name(uint8_t code) {
  const Row* row = find(code);
  return row != nullptr ? row->name : "unassigned";
}

const char* alert_meaning(uint8_t code) {
  const Row* row = find(code);
  return row != nullptr ? row->meaning : "";
}

std::optional<uint8_t> alert_in_clear(Bytes records) {
  constexpr size_t kHeader = 5;
  constexpr size_t kAlertSize = 2;
  while (records.size() > kHeader && records[1] == SSL3_VERSION_MAJOR) {
    const size_t length = size_t{records[3]} << 8U | records[4];
    if (records.size() < kHeader + length) {
      break;
    }
    if (records[0] == SSL3_RT_ALERT && length == kAlertSize) {
      return records[kHeader + 1];
    }
    if (records[0] != SSL3_RT_CHANGE_CIPHER_SPEC) {
      break;
    }
    records = records.subspan(kHeader + length);
  }
  return std::nullopt;
}

}  // namespace postern::tls
