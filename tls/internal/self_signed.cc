#include "tls/internal/self_signed.h"

#include <algorithm>
#include <ctime>

namespace postern::tls {
namespace {

constexpr int64_t kValidSeconds = int64_t{30} * 24 * 3600;
constexpr int64_t kClockSkewSeconds = 3600;
constexpr long kVersion3 = 2;  // RFC 5280 §4.1.2.1

bssl::UniquePtr<EVP_PKEY> make_key() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  const bool made = ec != nullptr && key != nullptr && EC_KEY_generate_key(ec.get()) == 1 &&
                    EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1;
  return made ? std::move(key) : nullptr;
}

bool printable_ascii(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool push_name(GENERAL_NAMES* names, const std::string& name) {
  bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
  bssl::UniquePtr<ASN1_OCTET_STRING> address(a2i_IPADDRESS(name.c_str()));
  ERR_clear_error();
  if (address != nullptr) {
    GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, address.release());
  } else {
    bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
    if (ASN1_STRING_set(text.get(), name.data(), static_cast<ossl_ssize_t>(name.size())) != 1) {
      return false;
    }
    GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text.release());
  }
  return bssl::PushToStack(names, std::move(entry));
}

bool add_names(X509* certificate, const std::vector<std::string>& names) {
  const bssl::UniquePtr<GENERAL_NAMES> all(GENERAL_NAMES_new());
  return !names.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return printable_ascii(name) && push_name(all.get(), name);
  }) && X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

// The certificate is its own issuer and has a name: some clients take an empty issuer for a missing
// one (RFC 5280 §4.1.2.4 forbids it).
bool add_subject(X509* certificate) {
  constexpr std::string_view kName = "postern self-signed";
  const Bytes name = as_bytes(kName);
  const bssl::UniquePtr<X509_NAME> subject(X509_NAME_new());
  return X509_NAME_add_entry_by_NID(subject.get(), NID_commonName, MBSTRING_ASC, name.data(),
                                    static_cast<ossl_ssize_t>(name.size()), -1, 0) == 1 &&
         X509_set_subject_name(certificate, subject.get()) == 1 &&
         X509_set_issuer_name(certificate, subject.get()) == 1;
}

bool add_random_serial(X509* certificate) {
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<uint8_t*>(&serial), sizeof serial);
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U) == 1;
}

bssl::UniquePtr<CRYPTO_BUFFER> make_leaf(EVP_PKEY* key, const std::vector<std::string>& names) {
  const bssl::UniquePtr<X509> certificate(X509_new());
  const auto now = static_cast<int64_t>(std::time(nullptr));
  uint8_t* der = nullptr;
  int length = 0;
  if (X509_set_version(certificate.get(), kVersion3) != 1 ||
      !add_random_serial(certificate.get()) ||
      ASN1_TIME_set_posix(X509_getm_notBefore(certificate.get()), now - kClockSkewSeconds) ==
          nullptr ||
      ASN1_TIME_set_posix(X509_getm_notAfter(certificate.get()), now + kValidSeconds) == nullptr ||
      X509_set_pubkey(certificate.get(), key) != 1 || !add_names(certificate.get(), names) ||
      !add_subject(certificate.get()) || X509_sign(certificate.get(), key, EVP_sha256()) == 0 ||
      (length = i2d_X509(certificate.get(), &der)) <= 0) {
    return nullptr;
  }
  const bssl::UniquePtr<uint8_t> free_der(der);
  return bssl::UniquePtr<CRYPTO_BUFFER>(
      CRYPTO_BUFFER_new(der, static_cast<size_t>(length), nullptr));
}

}  // namespace

CertificatePtr make_self_signed(const std::vector<std::string>& names) {
  bssl::UniquePtr<EVP_PKEY> key = make_key();
  bssl::UniquePtr<CRYPTO_BUFFER> leaf = key == nullptr ? nullptr : make_leaf(key.get(), names);
  ERR_clear_error();
  if (leaf == nullptr) {
    return nullptr;
  }
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.push_back(std::move(leaf));
  std::string wrong;
  return make_certificate("self-signed", std::move(chain), std::move(key), wrong);
}

}  // namespace postern::tls
