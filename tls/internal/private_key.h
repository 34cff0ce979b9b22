// The private key of a certificate, read from PEM and decrypted. Set-up only.
#pragma once

#include "tls/certificate_store.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/pem.h"

namespace postern::tls {

// The key in `file`, which is files.key. Null when `faults` has grown.
bssl::UniquePtr<EVP_PKEY> load_key(const CertificateFiles& files, const PemFile& file,
                                   Faults& faults);

}  // namespace postern::tls
