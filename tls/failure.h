// Why TLS failed, as a small stable set: these are metric labels and log words. Made from
// BoringSSL's error queue, from the alert a peer sent, and from the first bytes when they were not
// TLS at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"

namespace postern::tls {

enum class Failure : int32_t {
  UnsupportedVersion,  // the peer offers only versions our policy refuses
  NoSharedCipher,
  NoSharedGroup,
  NoSharedSignature,      // no certificate of ours suits what the client can verify
  NoApplicationProtocol,  // the client offered ALPN, "imap" not among it (RFC 7301 §3.2)
  PlaintextImap,          // an IMAP command where a ClientHello should be
  PlaintextHttp,
  ProxyHeader,            // a PROXY header where none is expected
  NotTls,                 // other bytes that are no TLS record
  CertificateUntrusted,   // the peer's chain does not lead to the CA
  CertificateSelfSigned,  // the peer shows one, and it is not trusted itself
  CertificateExpired,
  CertificateNotYetValid,
  CertificateNameMismatch,
  CertificatePinMismatch,
  CertificateRevoked,       // the client's certificate is in the CRL
  RevocationUnknown,        // no CRL in force for the client's certificate
  NoClientCertificate,      // the client has none, but must
  PeerRejectedCertificate,  // the peer's alert: bad_certificate, unknown_ca, certificate_expired …
  PeerAlert,                // any other fatal alert of the peer
  DecryptError,             // bad record MAC, bad Finished
  RenegotiationRefused,
  TooManyPieces,  // of a handshake: its pieces cost more than its bytes
  Truncated,      // the connection ended inside the handshake or without close_notify
  ProtocolError,  // anything else the peer did wrong
  Internal,       // out of memory and the like
};
const char* name_of(Failure failure);  // "no_shared_cipher"

extern const ErrorDomain kTlsDomain;  // code = Failure
Error tls_error(Failure failure, const char* during);

// What BoringSSL's error queue has said.
struct FailureDetail {
  Failure failure;
  std::optional<uint8_t> alert = {};  // of the peer
  const char* reason = "";            // BoringSSL's word, a literal: "EXCESSIVE_MESSAGE_SIZE"
};
// Reads and clears the queue of this thread.
FailureDetail take_failure_detail();
// Why the peer broke off, by its alert.
Failure failure_of_alert(uint8_t alert);
// Puts our own verdict on the peer's certificate into that queue, from inside a callback of
// BoringSSL's. Returns the alert for the peer.
uint8_t report_verdict(Failure failure);
// What `first` bytes are, if they are surely not a TLS record; Truncated if they may still be TLS.
Failure recognise_plaintext(Bytes first);

}  // namespace postern::tls
