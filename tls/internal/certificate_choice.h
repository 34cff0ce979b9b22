// Chooses among the certificates for a name one that the client can use.
#pragma once

#include <span>

#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/policy.h"

namespace postern::tls {

// The first candidate whose signature the client can verify under `policy`; if there is none, the
// last one, with which BoringSSL fails the handshake with the right alert. `candidates` must not be
// empty.
const CertificateStore::Certificate& choose_certificate(
    std::span<const CertificateStore::Certificate* const> candidates, const SSL_CLIENT_HELLO& hello,
    const Policy& policy);

// Whether the client can verify a signature of the certificate's key, by the schemes it lists. A
// client that lists none (TLS 1.2 only) is assumed to.
bool verifies(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
              bool tls13);
// Whether a suite of TLS 1.2 suits the certificate's key, and the client knows the key's curve.
bool suits_tls12(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
                 const Policy& policy);

}  // namespace postern::tls
