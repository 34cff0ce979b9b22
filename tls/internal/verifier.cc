#include "tls/internal/verifier.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ctime>

#include "proxy/base/utc.h"
#include "tls/internal/certificate.h"
#include "tls/internal/file.h"
#include "tls/internal/file_kind.h"
#include "tls/internal/names.h"
#include "tls/internal/pem.h"

namespace postern::tls {
namespace {

constexpr char kSystemStore[] = "/etc/ssl/certs/ca-certificates.crt";

Result<bssl::UniquePtr<X509_STORE>> load_authorities(const std::string& path,
                                                     Unparsable unparsable) {
  Result<std::string> pem = read_file(path);
  if (!pem) {
    return pem.faults();
  }
  return parse_authorities(pem.value(), path, unparsable);
}

using Digest = std::array<uint8_t, SHA256_DIGEST_LENGTH>;

std::optional<Digest> parse_pin(const std::string& text) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH + 1> octets;  // 44 characters decode to 33 less padding
  size_t length = 0;
  const Bytes encoded = as_bytes(text);
  const bool decoded =
      EVP_DecodeBase64(octets.data(), &length, octets.size(), encoded.data(), encoded.size()) == 1;
  ERR_clear_error();
  if (!decoded || length != SHA256_DIGEST_LENGTH) {
    return std::nullopt;
  }
  Digest pin;
  std::copy_n(octets.begin(), pin.size(), pin.begin());
  return pin;
}

// Of its SubjectPublicKeyInfo. Nullopt: it has none that can be read.
std::optional<Digest> digest_of_key(X509& certificate) {
  uint8_t* spki = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &spki);
  const bssl::UniquePtr<uint8_t> free_spki(spki);
  if (length <= 0) {
    ERR_clear_error();
    return std::nullopt;
  }
  Digest digest;
  SHA256(spki, static_cast<size_t>(length), digest.data());
  return digest;
}

// RFC 9525: dNSName or iPAddress, never the common name; a star is a whole label.
bool expect_name(X509_VERIFY_PARAM* param, const std::string& host) {
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (is_ip_literal(host)) {
    return X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1;
  }
  std::string_view name = host;
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  // BoringSSL takes an empty name for "any will do".
  return !name.empty() && X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) == 1;
}

// What the certificate is for in place of the wanted name. The server chose these words.
std::string describe_names(X509& leaf, const std::string& wanted) {
  constexpr size_t kShown = 8;
  std::vector<std::string> names = dns_names(leaf);
  const std::vector<std::string> addresses = ip_addresses(leaf);
  names.insert(names.end(), addresses.begin(), addresses.end());
  constexpr size_t kMaxBytes = 512;
  std::string text = "wanted '" + wanted + "', but it ";
  if (names.empty()) {
    const std::string name = common_name(leaf);
    return text + "has no name in its subjectAltName" +
           (name.empty() ? "" : "; its common name '" + name + "' is none (RFC 9525)");
  }
  text += "is for ";
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (text.size() > kMaxBytes) {
    return text.substr(0, kMaxBytes) + "…";
  }
  return names.size() <= kShown ? text
                                : text + " and " + std::to_string(names.size() - kShown) + " more";
}

std::string shown(X509_NAME* name) {
  constexpr size_t kMaxBytes = 200;
  const std::string text = name_text(*name);
  return text.size() > kMaxBytes ? text.substr(0, kMaxBytes) + "…" : text;
}

std::string describe_dates(X509& certificate) {
  return "the certificate of '" + shown(X509_get_subject_name(&certificate)) + "' is valid from " +
         utc_text(posix_time(X509_get0_notBefore(&certificate))) + " until " +
         utc_text(posix_time(X509_get0_notAfter(&certificate)));
}

std::string describe_issuer(X509& certificate, int x509_error) {
  return "the certificate of '" + shown(X509_get_subject_name(&certificate)) + "', issued by '" +
         shown(X509_get_issuer_name(&certificate)) +
         "': " + X509_verify_cert_error_string(x509_error);
}

std::string describe_fault(X509& certificate, Failure failure, int x509_error) {
  switch (failure) {
    case Failure::CertificateExpired:
    case Failure::CertificateNotYetValid:
      return describe_dates(certificate);
    case Failure::CertificateUntrusted:
    case Failure::CertificateSelfSigned:
      return describe_issuer(certificate, x509_error);
    default:
      return "";
  }
}

}  // namespace

Result<bssl::UniquePtr<X509_STORE>> parse_authorities(const std::string& pem,
                                                      const std::string& path,
                                                      Unparsable unparsable) {
  const auto chain = parse_pem_chain(pem);
  if (!chain) {
    return Fault{path, chain.faults().front().message};
  }
  bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
  size_t added = 0;
  for (size_t i = 0; i < chain.value().size(); ++i) {
    const auto certificate = parse_certificate(*chain.value()[i]);
    if (certificate != nullptr && X509_STORE_add_cert(store.get(), certificate.get()) == 1) {
      ++added;
    } else if (unparsable == Unparsable::IsFault) {
      ERR_clear_error();
      return Fault{path, "certificate number " + std::to_string(i + 1) + " cannot be parsed"};
    }
  }
  ERR_clear_error();
  if (added == 0) {
    return Fault{path, "holds no certificate in PEM" + describe_kind(pem, path)};
  }
  return store;
}

Result<bssl::UniquePtr<X509_STORE>> load_system_authorities() {
  return load_authorities(kSystemStore, Unparsable::IsPassedOver);
}

bssl::UniquePtr<STACK_OF(X509)> parse_chain(const STACK_OF(CRYPTO_BUFFER) * chain) {
  bssl::UniquePtr<STACK_OF(X509)> certificates(sk_X509_new_null());
  for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(chain); ++i) {
    auto certificate = parse_certificate(*sk_CRYPTO_BUFFER_value(chain, i));
    if (certificate == nullptr || !bssl::PushToStack(certificates.get(), std::move(certificate))) {
      return nullptr;
    }
  }
  return sk_X509_num(certificates.get()) == 0 ? nullptr : std::move(certificates);
}

Failure failure_of(int x509_error) {
  switch (x509_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Failure::CertificateExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Failure::CertificateNotYetValid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return Failure::CertificateSelfSigned;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Failure::CertificateNameMismatch;
    case X509_V_ERR_CERT_REVOKED:
      return Failure::CertificateRevoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
      return Failure::RevocationUnknown;
    case X509_V_ERR_OUT_OF_MEM:
      return Failure::Internal;
    default:
      return Failure::CertificateUntrusted;
  }
}

bool is_ip_literal(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

Result<std::shared_ptr<const Verifier>> load_verifier(const Verification& rule) {
  std::shared_ptr<Verifier> verifier(new Verifier);
  verifier->mode_ = rule.mode;
  verifier->name_ = rule.name;
  if (rule.mode == Verification::Mode::None) {
    return std::shared_ptr<const Verifier>(std::move(verifier));
  }
  Faults faults;
  for (const std::string& text : rule.pins_sha256) {
    if (const auto pin = parse_pin(text); pin.has_value()) {
      verifier->pins_.push_back(*pin);
    } else {
      faults.push_back({"", "pin '" + text +
                                "' is not the base64 of a SHA-256 digest (44 characters that end "
                                "in '=')"});
    }
  }
  if (!rule.ca_file.empty() || rule.pins_sha256.empty()) {
    auto authorities = rule.ca_file.empty() ? load_system_authorities()
                                            : load_authorities(rule.ca_file, Unparsable::IsFault);
    if (authorities) {
      verifier->authorities_ = std::move(authorities.value());
    } else {
      append(faults, authorities.faults());
    }
  }
  if (!faults.empty()) {
    return faults;
  }
  return std::shared_ptr<const Verifier>(std::move(verifier));
}

Result<std::string> pin_of(const std::string& path) {
  const Result<std::string> pem = read_file(path);
  if (!pem) {
    return pem.faults();
  }
  const auto chain = parse_pem_chain(pem.value());
  if (!chain) {
    return Fault{path, chain.faults().front().message};
  }
  const auto leaf = chain.value().empty() ? nullptr : parse_certificate(*chain.value().front());
  const auto digest = leaf == nullptr ? std::nullopt : digest_of_key(*leaf);
  if (!digest) {
    return Fault{path, "holds no certificate in PEM" + describe_kind(pem.value(), path)};
  }
  std::array<uint8_t, 4 * (SHA256_DIGEST_LENGTH + 2) / 3 + 1> text;  // with a NUL
  const size_t length = EVP_EncodeBlock(text.data(), digest->data(), digest->size());
  return std::string(as_text({text.data(), length}));
}

std::optional<Failure> Verifier::judge(const STACK_OF(CRYPTO_BUFFER) * chain,
                                       PeerCheck& check) const {
  if (mode_ == Verification::Mode::None) {
    return std::nullopt;
  }
  const auto certificates = parse_chain(chain);
  if (certificates == nullptr) {
    return Failure::CertificateUntrusted;
  }
  X509& leaf = *sk_X509_value(certificates.get(), 0);
  if (!pins_.empty() && !pinned(leaf)) {
    return Failure::CertificatePinMismatch;
  }
  if (authorities_ == nullptr) {
    return std::nullopt;
  }
  const std::string& wanted = name_.empty() ? check.host : name_;
  const auto failure = judge_chain(leaf, certificates.get(), wanted, check.finding);
  if (failure == Failure::CertificateNameMismatch) {
    check.finding = describe_names(leaf, wanted);
  }
  return failure;
}

bool Verifier::pinned(X509& leaf) const {
  const auto digest = digest_of_key(leaf);
  return digest && std::find(pins_.begin(), pins_.end(), *digest) != pins_.end();
}

std::optional<Failure> Verifier::judge_chain(X509& leaf, STACK_OF(X509) * others,
                                             const std::string& host, std::string& finding) const {
  const bssl::UniquePtr<X509_STORE_CTX> verification(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(verification.get(), authorities_.get(), &leaf, others) != 1 ||
      X509_STORE_CTX_set_default(verification.get(), "ssl_server") != 1) {
    return Failure::Internal;
  }
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(verification.get());
  // Everything in the operator's CA file is trusted, even an intermediate or the leaf itself.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  if (!expect_name(param, host)) {
    return Failure::CertificateNameMismatch;
  }
  if (X509_verify_cert(verification.get()) == 1) {
    return std::nullopt;
  }
  const Failure failure = failure_of(X509_STORE_CTX_get_error(verification.get()));
  // Of the whole chain, the one that was looked at when it failed.
  X509* const at = X509_STORE_CTX_get_current_cert(verification.get());
  if (at != nullptr) {
    finding = describe_fault(*at, failure, X509_STORE_CTX_get_error(verification.get()));
  }
  return failure;
}

}  // namespace postern::tls
