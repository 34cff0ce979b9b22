// Which of the certificates for a name a ClientHello can make use of. Inside tls/ only.
#pragma once

#include <span>

#include "tls/boringssl.h"
#include "tls/certificate.h"
#include "tls/policy.h"

namespace postern::tls {

// The first candidate whose signature the client can verify under `policy`; if there is none, the
// last, with which BoringSSL then fails the handshake by the right alert. `candidates` is not
// empty.
const CertificateStore::Certificate& choose_certificate(
    std::span<const CertificateStore::Certificate* const> candidates, const SSL_CLIENT_HELLO& hello,
    const Policy& policy);

// Whether the client says that it can verify a signature of the certificate's key. Without a word
// on signatures (TLS 1.2 only) it is taken to.
bool verifies(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
              bool tls13);
// Whether a suite of TLS 1.2 goes with the certificate's key, and the client knows the key's curve.
bool suits_tls12(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
                 const Policy& policy);

}  // namespace postern::tls
