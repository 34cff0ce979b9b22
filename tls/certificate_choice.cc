#include "tls/certificate_choice.h"

#include <algorithm>
#include <optional>

#include "tls/suites.h"

namespace postern::tls {
namespace {

// Numbers of 16 bits, as they stand in a ClientHello.
class Numbers {
 public:
  explicit Numbers(CBS list) : list_(list) {}

  template <typename Wanted>
  bool any(Wanted wanted) const {
    CBS rest = list_;
    uint16_t number = 0;
    while (CBS_get_u16(&rest, &number)) {
      if (wanted(number)) {
        return true;
      }
    }
    return false;
  }

 private:
  CBS list_;
};

// An extension that is a list with a length of two octets (one for supported_versions) before it.
std::optional<Numbers> list_extension(const SSL_CLIENT_HELLO& hello, uint16_t type) {
  const uint8_t* data = nullptr;
  size_t length = 0;
  if (SSL_early_callback_ctx_extension_get(&hello, type, &data, &length) != 1) {
    return std::nullopt;
  }
  CBS body;
  CBS list;
  CBS_init(&body, data, length);
  const bool whole = type == TLSEXT_TYPE_supported_versions
                         ? CBS_get_u8_length_prefixed(&body, &list) == 1
                         : CBS_get_u16_length_prefixed(&body, &list) == 1;
  if (!whole) {
    return std::nullopt;  // BoringSSL refuses it in a moment
  }
  return Numbers(list);
}

bool speaks_tls13(const SSL_CLIENT_HELLO& hello, const Policy& policy) {
  const auto versions = list_extension(hello, TLSEXT_TYPE_supported_versions);
  return policy.max_version >= Version::Tls13 && versions.has_value() &&
         versions->any([](uint16_t version) { return version == TLS1_3_VERSION; });
}

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

// In TLS 1.2 the suite names the kind of key (RFC 8422 §2), and the client must know its curve
// (§5.1).
bool suits_tls12(const CertificateStore::Certificate& certificate, const SSL_CLIENT_HELLO& hello,
                 const Policy& policy) {
  const SuiteUse use =
      certificate.description.key_type == KeyType::Rsa ? SuiteUse::EcdheRsa : SuiteUse::EcdheEcdsa;
  CBS offered;
  CBS_init(&offered, hello.cipher_suites, hello.cipher_suites_len);
  const bool has_suite =
      std::any_of(policy.ciphers.begin(), policy.ciphers.end(), [&](const std::string& name) {
        const Suite* suite = find_suite(name);
        return suite != nullptr && suite->use == use &&
               Numbers(offered).any([&](uint16_t id) { return id == suite->id; });
      });
  if (!has_suite || certificate.curve == 0) {
    return has_suite;
  }
  const auto groups = list_extension(hello, TLSEXT_TYPE_supported_groups);
  return !groups.has_value() || groups->any([&](uint16_t id) { return id == certificate.curve; });
}

}  // namespace

const CertificateStore::Certificate& choose_certificate(
    std::span<const CertificateStore::Certificate* const> candidates, const SSL_CLIENT_HELLO& hello,
    const Policy& policy) {
  if (candidates.size() > 1) {
    const bool tls13 = speaks_tls13(hello, policy);
    const auto schemes = list_extension(hello, TLSEXT_TYPE_signature_algorithms);
    for (const auto* candidate : candidates) {
      const bool verifiable = !schemes.has_value() || schemes->any([&](uint16_t scheme) {
        return can_sign(*candidate, scheme, tls13);
      });
      if (verifiable && (tls13 || suits_tls12(*candidate, hello, policy))) {
        return *candidate;
      }
    }
  }
  return *candidates.back();
}

}  // namespace postern::tls
