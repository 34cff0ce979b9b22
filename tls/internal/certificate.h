// One certificate of a CertificateStore, and how it is made from PEM.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "tls/certificate_store.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/ocsp.h"
#include "tls/internal/pem.h"

namespace postern::tls {

struct CertificateStore::Certificate {
  Description description;
  Octets chain;                            // DER, leaf first
  std::vector<CRYPTO_BUFFER*> chain_view;  // the same, as BoringSSL wants it
  bssl::UniquePtr<EVP_PKEY> key;
  uint16_t curve = 0;       // an ECDSA key's group on the wire, else 0
  std::string leaf_sha256;  // raw
  std::optional<Staple> staple;

  // Makes a connection, or every connection of a context, present this certificate. False: the
  // reason is in BoringSSL's error queue.
  bool install(SSL* ssl) const;
  bool install(SSL_CTX* ctx) const;
};

using CertificatePtr = std::unique_ptr<CertificateStore::Certificate>;

bssl::UniquePtr<X509> parse_certificate(CRYPTO_BUFFER& der);
int64_t posix_time(const ASN1_TIME* time);  // 0 if it is unreadable
// Whether clients may insist on an OCSP response (RFC 7633).
bool must_staple(X509& leaf);
// What a response for the leaf of `chain` must be about.
OcspSubject ocsp_subject(const Octets& chain);
std::string to_hex(Bytes octets);
std::string sha256(Bytes octets);

// Joins a chain and the key of its leaf. Null if TLS cannot use such a key: `wrong` then says why,
// in words that follow "key FILE".
CertificatePtr make_certificate(std::string label, Octets chain, bssl::UniquePtr<EVP_PKEY> key,
                                std::string& wrong);

// One chain and its key, read and checked. Null when `faults` has grown.
CertificatePtr load_certificate(const CertificateFiles& files, Faults& faults);
// Reads the OCSP response, if one is configured, into the certificate. Returns what is wrong with
// it, or nullopt. This is no fault: a renewed certificate gets its response a moment later.
std::optional<std::string> load_staple(const CertificateFiles& files,
                                       CertificateStore::Certificate& certificate);

}  // namespace postern::tls
