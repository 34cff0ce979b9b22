#include "tests/support/certificates.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "proxy/base/bytes.h"
#include "proxy/base/check.h"
#include "tls/internal/boringssl.h"

namespace postern::test {
namespace {

void must(bool done) {
  check(done, "a test certificate can be made");
}

bssl::UniquePtr<EVP_PKEY> generate(int type, int (*prepare)(EVP_PKEY_CTX*)) {
  const bssl::UniquePtr<EVP_PKEY_CTX> generator(EVP_PKEY_CTX_new_id(type, nullptr));
  EVP_PKEY* key = nullptr;
  must(EVP_PKEY_keygen_init(generator.get()) == 1 && prepare(generator.get()) == 1 &&
       EVP_PKEY_keygen(generator.get(), &key) == 1);
  return bssl::UniquePtr<EVP_PKEY>(key);
}

template <int nid>
int use_curve(EVP_PKEY_CTX* generator) {
  return EVP_PKEY_CTX_set_ec_paramgen_curve_nid(generator, nid);
}
template <int bits>
int use_bits(EVP_PKEY_CTX* generator) {
  return EVP_PKEY_CTX_set_rsa_keygen_bits(generator, bits);
}

bssl::UniquePtr<EVP_PKEY> make_key(TestKey kind) {
  switch (kind) {
    case TestKey::P256:
      return generate(EVP_PKEY_EC, use_curve<NID_X9_62_prime256v1>);
    case TestKey::P384:
      return generate(EVP_PKEY_EC, use_curve<NID_secp384r1>);
    case TestKey::Rsa2048:
      return generate(EVP_PKEY_RSA, use_bits<2048>);
    case TestKey::Rsa1024:
      return generate(EVP_PKEY_RSA, use_bits<1024>);
    case TestKey::Ed25519:
      return generate(EVP_PKEY_ED25519, [](EVP_PKEY_CTX*) { return 1; });
  }
  return nullptr;
}

bssl::UniquePtr<EVP_PKEY> read_key(std::string_view pem) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  must(key != nullptr);
  return key;
}

std::string contents(BIO* bio) {
  const uint8_t* text = nullptr;
  size_t size = 0;
  must(BIO_mem_contents(bio, &text, &size) == 1);
  return std::string(as_text({text, size}));
}

std::string to_pem(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return contents(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return contents(bio.get());
}

std::string pin_of(X509* certificate) {
  uint8_t* spki = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
  must(size > 0);
  const bssl::UniquePtr<uint8_t> free_spki(spki);
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(spki, static_cast<size_t>(size), digest);
  uint8_t base64[4 * (SHA256_DIGEST_LENGTH + 2) / 3 + 1];
  return std::string(as_text({base64, EVP_EncodeBlock(base64, digest, sizeof digest)}));
}

bssl::UniquePtr<GENERAL_NAME> general_name(const std::string& name) {
  bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
  if (address != nullptr) {
    GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, address);
    return entry;
  }
  ERR_clear_error();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  must(ASN1_STRING_set(text, name.data(), static_cast<ossl_ssize_t>(name.size())) == 1);
  GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text);
  return entry;
}

void add_names(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) {
    return;
  }
  const bssl::UniquePtr<GENERAL_NAMES> all(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    must(bssl::PushToStack(all.get(), general_name(name)));
  }
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) == 1);
}

void mark_authority(X509* certificate) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  constraints->ca = ASN1_BOOLEAN_TRUE;
  must(X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1,
                         X509V3_ADD_DEFAULT) == 1);
}

}  // namespace

struct Authority::State {
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
  Issued own;
};

namespace {

// Without an issuer, the certificate signs itself.
bssl::UniquePtr<X509> make_certificate(const LeafOptions& options, EVP_PKEY* key, X509* issuer,
                                       EVP_PKEY* issuer_key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  X509* made = certificate.get();
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<uint8_t*>(&serial), sizeof serial);
  const int64_t now = std::time(nullptr);
  must(X509_set_version(made, 2) == 1 &&
       ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1U) == 1 &&
       ASN1_TIME_set_posix(X509_getm_notBefore(made), now + options.valid_from_s) != nullptr &&
       ASN1_TIME_set_posix(X509_getm_notAfter(made), now + options.valid_until_s) != nullptr &&
       X509_set_pubkey(made, key) == 1);
  const bssl::UniquePtr<X509_NAME> subject(X509_NAME_new());
  if (!options.common_name.empty()) {
    const Bytes name = as_bytes(options.common_name);
    must(X509_NAME_add_entry_by_NID(subject.get(), NID_commonName, MBSTRING_UTF8, name.data(),
                                    static_cast<ossl_ssize_t>(name.size()), -1, 0) == 1);
  }
  must(X509_set_subject_name(made, subject.get()) == 1 &&
       X509_set_issuer_name(
           made, issuer == nullptr ? subject.get() : X509_get_subject_name(issuer)) == 1);
  add_names(made, options.names);
  if (options.authority) {
    mark_authority(made);
  }
  EVP_PKEY* signer = issuer_key == nullptr ? key : issuer_key;
  const EVP_MD* digest = EVP_PKEY_id(signer) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  must(X509_sign(made, signer, digest) > 0);
  return certificate;
}

Issued describe(X509* certificate, EVP_PKEY* key) {
  return {to_pem(certificate), to_pem(key), pin_of(certificate)};
}

}  // namespace

Authority::Authority(const std::string& name) : state_(std::make_unique<State>()) {
  LeafOptions options;
  options.common_name = name;
  options.authority = true;
  state_->key = make_key(options.key);
  state_->certificate = make_certificate(options, state_->key.get(), nullptr, nullptr);
  state_->own = describe(state_->certificate.get(), state_->key.get());
}

Authority::Authority(std::unique_ptr<State> state) : state_(std::move(state)) {}
Authority::~Authority() = default;
Authority::Authority(Authority&&) noexcept = default;
const Issued& Authority::own() const {
  return state_->own;
}

Issued Authority::issue(const LeafOptions& options) const {
  const auto key = options.key_pem.empty() ? make_key(options.key) : read_key(options.key_pem);
  const auto certificate =
      make_certificate(options, key.get(), state_->certificate.get(), state_->key.get());
  return describe(certificate.get(), key.get());
}

std::string Authority::revocation_list(int64_t valid_until_s) const {
  const bssl::UniquePtr<X509_CRL> list(X509_CRL_new());
  const int64_t now = std::time(nullptr);
  const bssl::UniquePtr<ASN1_TIME> begin(ASN1_TIME_set_posix(nullptr, now - 3600));
  const bssl::UniquePtr<ASN1_TIME> end(ASN1_TIME_set_posix(nullptr, now + valid_until_s));
  must(X509_CRL_set_version(list.get(), 1) == 1 &&
       X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(state_->certificate.get())) ==
           1 &&
       X509_CRL_set1_lastUpdate(list.get(), begin.get()) == 1 &&
       X509_CRL_set1_nextUpdate(list.get(), end.get()) == 1 &&
       X509_CRL_sign(list.get(), state_->key.get(), EVP_sha256()) > 0);
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509_CRL(bio.get(), list.get()) == 1);
  return contents(bio.get());
}

Authority Authority::intermediate(const std::string& name) const {
  LeafOptions options;
  options.common_name = name;
  options.authority = true;
  auto below = std::make_unique<State>();
  below->key = make_key(options.key);
  below->certificate =
      make_certificate(options, below->key.get(), state_->certificate.get(), state_->key.get());
  below->own = describe(below->certificate.get(), below->key.get());
  return Authority(std::move(below));
}

Issued self_signed(const LeafOptions& options) {
  const auto key = make_key(options.key);
  const auto certificate = make_certificate(options, key.get(), nullptr, nullptr);
  return describe(certificate.get(), key.get());
}

std::string encrypt_key(std::string_view key_pem, std::string_view passphrase) {
  const auto key = read_key(key_pem);
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  std::string secret(passphrase);
  must(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), secret.data(),
                                     static_cast<int>(secret.size()), nullptr, nullptr) == 1);
  return contents(out.get());
}

TempDirectory::TempDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "postern.XXXXXX").string();
  check(mkdtemp(path_.data()) != nullptr, "a temporary directory can be made");
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDirectory::write(const std::string& name, std::string_view content) const {
  std::string path = path_ + "/" + name;
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  check(file.good(), "a temporary file can be written");
  return path;
}

}  // namespace postern::test
