#include "tls/internal/certificate_choice.h"

#include <algorithm>

#include "tls/internal/client_hello.h"
#include "tls/internal/suites.h"

namespace postern::tls {
namespace {

// Whether a signature of this scheme can be made with the certificate's key. TLS 1.3 ties ECDSA to
// one curve and hash and forbids PKCS #1 (RFC 8446 §4.2.3); TLS 1.2 does neither.
bool can_sign(const CertificateStore::Certificate& certificate, uint16_t scheme, bool tls13) {
  switch (scheme) {
    case SSL_SIGN_ED25519:
      return certificate.description.key_type == KeyType::Ed25519;
    case SSL_SIGN_ECDSA_SECP256R1_SHA256:
      return certificate.curve == SSL_CURVE_SECP256R1 || (certificate.curve != 0 && !tls13);
    case SSL_SIGN_ECDSA_SECP384R1_SHA384:
      return certificate.curve == SSL_CURVE_SECP384R1 || (certificate.curve != 0 && !tls13);
    case SSL_SIGN_ECDSA_SECP521R1_SHA512:
      return certificate.curve == SSL_CURVE_SECP521R1 || (certificate.curve != 0 && !tls13);
    case SSL_SIGN_RSA_PSS_RSAE_SHA256:
    case SSL_SIGN_RSA_PSS_RSAE_SHA384:
    case SSL_SIGN_RSA_PSS_RSAE_SHA512:
      return certificate.description.key_type == KeyType::Rsa;
    case SSL_SIGN_RSA_PKCS1_SHA1:
    case SSL_SIGN_RSA_PKCS1_SHA256:
    case SSL_SIGN_RSA_PKCS1_SHA384:
    case SSL_SIGN_RSA_PKCS1_SHA512:
      return certificate.description.key_type == KeyType::Rsa && !tls13;
    case SSL_SIGN_ECDSA_SHA1:
      return certificate.curve != 0 && !tls13;
    default:
      return false;
  }
}

}  // namespace

// In TLS 1.2 the suite names the kind of key (RFC 8422 §2), and the client must know its curve
// (§5.1).
bool suits_tls12(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
                 const Policy& policy) {
  const SuiteUse use =
      certificate.description.key_type == KeyType::Rsa ? SuiteUse::EcdheRsa : SuiteUse::EcdheEcdsa;
  const Numbers offered = offered_suites(hello);
  const bool has_suite =
      std::any_of(policy.ciphers.begin(), policy.ciphers.end(), [&](const std::string& name) {
        const Suite* suite = find_suite(name);
        return suite != nullptr && suite->use == use && offered.has(suite->id);
      });
  if (!has_suite || certificate.curve == 0) {
    return has_suite;
  }
  const auto groups = list_extension(hello, TLSEXT_TYPE_supported_groups);
  return !groups.has_value() || groups->has(certificate.curve);
}

bool verifies(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
              bool tls13) {
  const auto schemes = list_extension(hello, TLSEXT_TYPE_signature_algorithms);
  return !schemes.has_value() ||
         schemes->any([&](uint16_t scheme) { return can_sign(certificate, scheme, tls13); });
}

const CertificateStore::Certificate& choose_certificate(
    std::span<const CertificateStore::Certificate* const> candidates, const SSL_CLIENT_HELLO& hello,
    const Policy& policy) {
  if (candidates.size() > 1) {
    const bool tls13 = negotiate_version(hello, policy) == Version::Tls13;
    for (const auto* candidate : candidates) {
      if (verifies(*candidate, hello, tls13) && (tls13 || suits_tls12(*candidate, hello, policy))) {
        return *candidate;
      }
    }
  }
  return *candidates.back();
}

}  // namespace postern::tls
