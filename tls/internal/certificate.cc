#include "tls/internal/certificate.h"

#include <algorithm>

#include "tls/internal/file.h"

namespace postern::tls {
namespace {

constexpr int kMinRsaBits = 2048;

using Chain = std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = static_cast<char>(OPENSSL_tolower(c));
  }
  return result;
}

bssl::UniquePtr<BIO> memory_bio(std::string_view text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<ossl_ssize_t>(text.size())));
}

struct Passphrase {
  std::string_view text;
  bool asked = false;
};

// The callback by which a PEM reader asks for the passphrase. One that is too long counts as none.
int give_passphrase(char* buffer, int size, int, void* data) noexcept {
  auto& passphrase = *static_cast<Passphrase*>(data);
  passphrase.asked = true;
  if (passphrase.text.size() > static_cast<size_t>(size)) {
    return 0;
  }
  passphrase.text.copy(buffer, passphrase.text.size());
  return static_cast<int>(passphrase.text.size());
}

// The first line of the file, as `openssl -passin file:` takes it.
std::optional<std::string> load_passphrase(const CertificateFiles& files, Faults& faults) {
  if (files.passphrase_file.empty()) {
    return std::string();
  }
  Result<std::string> content = read_file(files.passphrase_file);
  if (!content) {
    faults.push_back({files.where, "passphrase_file " + content.faults().front().text()});
    return std::nullopt;
  }
  const Secret whole(std::move(content.value()));
  return whole.text().substr(0, whole.text().find_first_of("\r\n"));
}

const char* describe_key_fault(const CertificateFiles& files, bool encrypted) {
  if (!encrypted) {
    return " holds no private key in PEM";
  }
  return files.passphrase_file.empty()
             ? " is encrypted; name the file with its passphrase as passphrase_file, or decrypt it "
               "with `openssl pkey`"
             : " cannot be decrypted with what is in passphrase_file";
}

bssl::UniquePtr<EVP_PKEY> load_key(const CertificateFiles& files, Faults& faults) {
  Result<std::string> content = read_file(files.key);
  if (!content) {
    faults.push_back({files.where, "key " + content.faults().front().text()});
    return nullptr;
  }
  const Secret pem(std::move(content.value()));
  std::optional<std::string> words = load_passphrase(files, faults);
  if (!words.has_value()) {
    return nullptr;
  }
  const Secret secret(std::move(*words));
  Passphrase passphrase{secret.text()};
  const auto bio = memory_bio(pem.text());
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &passphrase));
  ERR_clear_error();
  if (key == nullptr) {
    faults.push_back(
        {files.where, "key " + files.key + describe_key_fault(files, passphrase.asked)});
  }
  return key;
}

std::optional<Chain> load_chain(const CertificateFiles& files, Faults& faults) {
  Result<std::string> content = read_file(files.chain);
  if (!content) {
    faults.push_back({files.where, "chain " + content.faults().front().text()});
    return std::nullopt;
  }
  std::optional<Chain> chain = parse_pem_chain(content.value());
  if (!chain.has_value()) {
    faults.push_back({files.where, "chain " + files.chain + " has a broken PEM block"});
  } else if (chain->empty()) {
    faults.push_back({files.where, "chain " + files.chain + " holds no certificate in PEM"});
    return std::nullopt;
  }
  return chain;
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
  return "key " + files.key + " is not the key of " + files.chain;
}

std::vector<std::string> dns_names(X509& leaf) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (size_t i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) {
      continue;
    }
    const ASN1_IA5STRING* text = name->d.dNSName;
    names.push_back(lower(
        as_text({ASN1_STRING_get0_data(text), static_cast<size_t>(ASN1_STRING_length(text))})));
  }
  return names;
}

// RFC 7633: an extension with the numbers of TLS extensions that the server promises to send.
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

template <typename T, typename Encode>
std::string to_der(T* object, Encode encode) {
  uint8_t* der = nullptr;
  const int length = encode(object, &der);
  const bssl::UniquePtr<uint8_t> free_der(der);
  return length <= 0 ? "" : std::string(as_text({der, static_cast<size_t>(length)}));
}

OcspSubject ocsp_subject(const Chain& chain) {
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

void describe_leaf(CertificateStore::Certificate& certificate) {
  CRYPTO_BUFFER* der = certificate.chain.front().get();
  const auto leaf = parse_certificate(*der);
  certificate.leaf_sha256 = sha256({CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der)});
  auto& description = certificate.description;
  description.names = dns_names(*leaf);
  description.not_before = posix_time(X509_get0_notBefore(leaf.get()));
  description.not_after = posix_time(X509_get0_notAfter(leaf.get()));
  description.must_staple = must_staple(*leaf);
  description.fingerprint_sha256 = to_hex(as_bytes(certificate.leaf_sha256));
}

}  // namespace

bool CertificateStore::Certificate::install(SSL* ssl) const {
  return SSL_set_chain_and_key(ssl, chain_view.data(), chain_view.size(), key.get(), nullptr) == 1;
}

bool CertificateStore::Certificate::install(SSL_CTX* ctx) const {
  return SSL_CTX_set_chain_and_key(ctx, chain_view.data(), chain_view.size(), key.get(), nullptr) ==
         1;
}

std::optional<Chain> parse_pem_chain(std::string_view pem) {
  return parse_pem_blocks(pem, PEM_STRING_X509);
}

std::optional<Chain> parse_pem_blocks(std::string_view pem, std::string_view kind) {
  Chain chain;
  const auto bio = memory_bio(pem);
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    uint8_t* data = nullptr;
    long length = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &length) != 1) {
      const uint32_t error = ERR_peek_last_error();
      ERR_clear_error();
      const bool at_end =
          ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
      return at_end ? std::optional(std::move(chain)) : std::nullopt;
    }
    const bssl::UniquePtr<char> free_name(name);
    const bssl::UniquePtr<char> free_header(header);
    const bssl::UniquePtr<uint8_t> free_data(data);
    if (name == kind) {
      chain.emplace_back(CRYPTO_BUFFER_new(data, static_cast<size_t>(length), nullptr));
    }
  }
}

std::string to_pem(const Chain& chain) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  for (const auto& der : chain) {
    PEM_write_bio(bio.get(), PEM_STRING_X509, "", CRYPTO_BUFFER_data(der.get()),
                  static_cast<long>(CRYPTO_BUFFER_len(der.get())));
  }
  const uint8_t* text = nullptr;
  size_t length = 0;
  BIO_mem_contents(bio.get(), &text, &length);
  return std::string(as_text({text, length}));
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
  wrong = describe_key(*certificate);
  return wrong.empty() ? std::move(certificate) : nullptr;
}

CertificatePtr load_certificate(const CertificateFiles& files, Faults& faults) {
  std::optional<Chain> chain = load_chain(files, faults);
  bssl::UniquePtr<EVP_PKEY> key = load_key(files, faults);
  if (!chain.has_value()) {
    return nullptr;
  }
  const auto fault = [&](std::string message) {
    faults.push_back({files.where, std::move(message)});
    return nullptr;
  };
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
  certificate->where = files.where;
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
