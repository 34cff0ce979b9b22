#include "tls/internal/certificate.h"

#include <algorithm>

#include "tls/internal/chain.h"
#include "tls/internal/file.h"
#include "tls/internal/file_kind.h"
#include "tls/internal/names.h"
#include "tls/internal/private_key.h"

namespace postern::tls {
namespace {

constexpr int kMinRsaBits = 2048;

using Chain = Octets;

// Null when `faults` has grown.
std::unique_ptr<const PemFile> read_pem(const char* key, const std::string& path,
                                        const std::string& where, Faults& faults) {
  auto file = PemFile::read(path);
  if (!file) {
    faults.push_back({where, key + (" " + file.faults().front().message)});
    return nullptr;
  }
  return std::move(file.value());
}

bool holds_only(const PemFile& file, bool (*wanted)(const PemBlock&),
                bool (*other)(const PemBlock&)) {
  return file.find(wanted) != nullptr && file.find(other) == nullptr;
}

std::optional<Chain> load_chain(const CertificateFiles& files, const PemFile& file,
                                Faults& faults) {
  auto chain = decode_blocks(file.blocks(), is_certificate);
  if (!chain) {
    faults.push_back({files.where, "chain " + files.chain + " " + chain.faults().front().message});
    return std::nullopt;
  }
  if (chain.value().empty()) {
    faults.push_back({files.where, "chain " + files.chain + " holds no certificate in PEM" +
                                       describe_kind(file.text(), files.chain)});
    return std::nullopt;
  }
  return std::move(chain.value());
}

// Sets the key's type; says what is wrong with a key that no client should be shown.
std::string describe_key(CertificateStore::Certificate& certificate) {
  EVP_PKEY* key = certificate.key.get();
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA:
      certificate.description.key_type = KeyType::Rsa;
      if (EVP_PKEY_bits(key) < kMinRsaBits) {
        return "is an RSA key of " + std::to_string(EVP_PKEY_bits(key)) +
               " bits; 2048 is the least that clients accept";
      }
      return "";
    case EVP_PKEY_EC: {
      certificate.description.key_type = KeyType::Ecdsa;
      switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
        case NID_X9_62_prime256v1:
          certificate.curve = SSL_CURVE_SECP256R1;
          return "";
        case NID_secp384r1:
          certificate.curve = SSL_CURVE_SECP384R1;
          return "";
        case NID_secp521r1:
          certificate.curve = SSL_CURVE_SECP521R1;
          return "";
        default:
          return "is on an elliptic curve TLS does not use; P-256 suits every client";
      }
    }
    case EVP_PKEY_ED25519:
      certificate.description.key_type = KeyType::Ed25519;
      return "";
    default:
      return "is of a kind TLS does not use; make it ECDSA P-256 or RSA";
  }
}

bool same_key(X509& certificate, EVP_PKEY& key) {
  const bssl::UniquePtr<EVP_PKEY> certified(X509_get_pubkey(&certificate));
  return certified != nullptr && EVP_PKEY_cmp(certified.get(), &key) == 1;
}

// The key is not the leaf's. Often it belongs to another certificate of the file: then only the
// order is wrong.
std::string describe_mismatch(const CertificateFiles& files, const Chain& chain, EVP_PKEY& key) {
  for (size_t i = 1; i < chain.size(); ++i) {
    const auto other = parse_certificate(*chain[i]);
    if (other != nullptr && same_key(*other, key)) {
      return "chain " + files.chain +
             " must begin with the certificate of the key, which is number " +
             std::to_string(i + 1) + " in it";
    }
  }
  const auto first = parse_certificate(*chain.front());
  if (first == nullptr) {
    return "key " + files.key + " is not the key of " + files.chain;
  }
  return "key " + files.key + " is not the key of " + files.chain +
         ", which begins with the certificate of " +
         name_text(*X509_get_subject_name(first.get())) +
         (X509_check_ca(first.get()) == 1
              ? ", an authority: name the file that begins with your own (of certbot: "
                "fullchain.pem)"
              : ": name the two that belong together, often an older or a newer one");
}

// Let's Encrypt and others have ended OCSP: their certificates name no responder any more.
bool names_responder(X509& leaf) {
  STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(&leaf);
  const bool any = sk_OPENSSL_STRING_num(urls) > 0;
  X509_email_free(urls);
  ERR_clear_error();
  return any;
}

template <typename T, typename Encode>
std::string to_der(T* object, Encode encode) {
  uint8_t* der = nullptr;
  const int length = encode(object, &der);
  const bssl::UniquePtr<uint8_t> free_der(der);
  return length <= 0 ? "" : std::string(as_text({der, static_cast<size_t>(length)}));
}

void describe_leaf(CertificateStore::Certificate& certificate) {
  CRYPTO_BUFFER* der = certificate.chain.front().get();
  const auto leaf = parse_certificate(*der);
  certificate.leaf_sha256 = sha256({CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der)});
  auto& description = certificate.description;
  description.names = dns_names(*leaf);
  description.not_before = posix_time(X509_get0_notBefore(leaf.get()));
  description.not_after = posix_time(X509_get0_notAfter(leaf.get()));
  description.must_staple = must_staple(*leaf);
  description.ocsp_responder = names_responder(*leaf);
  description.self_signed = is_self_signed(*leaf);
  description.fingerprint_sha256 = to_hex(as_bytes(certificate.leaf_sha256));
}

void describe_intermediates(CertificateStore::Certificate& certificate) {
  for (size_t i = 1; i < certificate.chain.size(); ++i) {
    const auto one = parse_certificate(*certificate.chain[i]);
    if (one != nullptr) {
      certificate.description.intermediates.push_back({name_text(*X509_get_subject_name(one.get())),
                                                       posix_time(X509_get0_notBefore(one.get())),
                                                       posix_time(X509_get0_notAfter(one.get()))});
    }
  }
}

}  // namespace

// An extension with the numbers of TLS extensions that the server promises to send.
bool must_staple(X509& leaf) {
  const bssl::UniquePtr<ASN1_OBJECT> feature(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1));
  const int at = X509_get_ext_by_OBJ(&leaf, feature.get(), -1);
  if (at < 0) {
    return false;
  }
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(&leaf, at));
  CBS octets;
  CBS features;
  CBS_init(&octets, ASN1_STRING_get0_data(value), static_cast<size_t>(ASN1_STRING_length(value)));
  uint64_t number = 0;
  if (CBS_get_asn1(&octets, &features, CBS_ASN1_SEQUENCE) == 1) {
    while (CBS_get_asn1_uint64(&features, &number) == 1) {
      if (number == TLSEXT_TYPE_status_request) {
        return true;
      }
    }
  }
  return false;
}

OcspSubject ocsp_subject(const Octets& chain) {
  const auto leaf = parse_certificate(*chain.front());
  OcspSubject subject{to_der(X509_get_issuer_name(leaf.get()), i2d_X509_NAME), "",
                      to_der(X509_get_serialNumber(leaf.get()), i2d_ASN1_INTEGER)};
  const auto issuer = chain.size() < 2 ? nullptr : parse_certificate(*chain[1]);
  if (issuer != nullptr && X509_check_issued(issuer.get(), leaf.get()) == X509_V_OK) {
    const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(issuer.get());
    subject.issuer_key =
        as_text({ASN1_STRING_get0_data(key), static_cast<size_t>(ASN1_STRING_length(key))});
  }
  return subject;
}

bool CertificateStore::Certificate::install(SSL* ssl) const {
  return SSL_set_chain_and_key(ssl, chain_view.data(), chain_view.size(), key.get(), nullptr) == 1;
}

bool CertificateStore::Certificate::install(SSL_CTX* ctx) const {
  return SSL_CTX_set_chain_and_key(ctx, chain_view.data(), chain_view.size(), key.get(), nullptr) ==
         1;
}

bssl::UniquePtr<X509> parse_certificate(CRYPTO_BUFFER& der) {
  bssl::UniquePtr<X509> certificate(X509_parse_from_buffer(&der));
  ERR_clear_error();
  return certificate;
}

int64_t posix_time(const ASN1_TIME* time) {
  int64_t seconds = 0;
  return ASN1_TIME_to_posix(time, &seconds) == 1 ? seconds : 0;
}

std::string to_hex(Bytes octets) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t octet : octets) {
    text.push_back(kDigits[octet >> 4U]);
    text.push_back(kDigits[octet & 15U]);
  }
  return text;
}

std::string sha256(Bytes octets) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(octets.data(), octets.size(), digest);
  return std::string(as_text(digest));
}

CertificatePtr make_certificate(std::string label, Chain chain, bssl::UniquePtr<EVP_PKEY> key,
                                std::string& wrong) {
  auto certificate = std::make_unique<CertificateStore::Certificate>();
  certificate->description.label = std::move(label);
  certificate->chain = std::move(chain);
  certificate->key = std::move(key);
  for (const auto& der : certificate->chain) {
    certificate->chain_view.push_back(der.get());
  }
  describe_leaf(*certificate);
  describe_intermediates(*certificate);
  wrong = describe_key(*certificate);
  return wrong.empty() ? std::move(certificate) : nullptr;
}

CertificatePtr load_certificate(const CertificateFiles& files, Faults& faults) {
  const auto fault = [&](std::string message) {
    faults.push_back({files.where, std::move(message)});
    return nullptr;
  };
  const auto chain_file = read_pem("chain", files.chain, files.where, faults);
  const auto key_file = read_pem("key", files.key, files.where, faults);
  if (chain_file != nullptr && key_file != nullptr &&
      holds_only(*chain_file, is_private_key, is_certificate) &&
      holds_only(*key_file, is_certificate, is_private_key)) {
    return fault("chain " + files.chain + " holds a private key and key " + files.key +
                 " holds certificates: they are swapped");
  }
  auto chain = chain_file == nullptr ? std::nullopt : load_chain(files, *chain_file, faults);
  auto key = key_file == nullptr ? nullptr : load_key(files, *key_file, faults);
  if (!chain.has_value()) {
    return nullptr;
  }
  for (size_t i = 0; i < chain->size(); ++i) {
    if (parse_certificate(*(*chain)[i]) == nullptr) {
      return fault("certificate number " + std::to_string(i + 1) + " of " + files.chain +
                   " cannot be parsed");
    }
  }
  const auto leaf = parse_certificate(*chain->front());
  if (key == nullptr) {
    return nullptr;
  }
  if (!same_key(*leaf, *key)) {
    return fault(describe_mismatch(files, *chain, *key));
  }

  std::string wrong;
  CertificatePtr certificate =
      make_certificate(files.chain, std::move(*chain), std::move(key), wrong);
  if (certificate == nullptr) {
    return fault("key " + files.key + " " + wrong);
  }
  certificate->description.where = files.where;
  return certificate;
}

std::optional<std::string> load_staple(const CertificateFiles& files,
                                       CertificateStore::Certificate& certificate) {
  if (files.ocsp.empty()) {
    return std::nullopt;
  }
  Result<std::string> content = read_file(files.ocsp);
  if (!content) {
    return "ocsp " + content.faults().front().text();
  }
  Result<Staple> staple = read_staple(std::move(content.value()), ocsp_subject(certificate.chain));
  ERR_clear_error();
  if (!staple) {
    return "ocsp " + files.ocsp + " " + staple.faults().front().message;
  }
  certificate.staple = std::move(staple.value());
  certificate.description.ocsp_next_update = certificate.staple->next_update;
  return std::nullopt;
}

}  // namespace postern::tls
