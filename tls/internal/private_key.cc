#include "tls/internal/private_key.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "tls/internal/file.h"
#include "tls/internal/file_kind.h"

namespace postern::tls {
namespace {

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

// Whether the key is encrypted by a method that BoringSSL does not have, whatever the passphrase.
// Empties the error queue.
bool method_is_unknown() {
  constexpr int kUnknown[] = {
      PKCS8_R_UNKNOWN_ALGORITHM,   PKCS8_R_UNKNOWN_CIPHER,
      PKCS8_R_UNSUPPORTED_CIPHER,  PKCS8_R_UNSUPPORTED_KEYLENGTH,
      PKCS8_R_UNSUPPORTED_PRF,     PKCS8_R_UNKNOWN_CIPHER_ALGORITHM,
      PKCS8_R_UNSUPPORTED_OPTIONS, PKCS8_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION};
  bool unknown = false;
  for (uint32_t packed = ERR_get_error(); packed != 0; packed = ERR_get_error()) {
    const int reason = ERR_GET_REASON(packed);
    const bool named =
        std::find(std::begin(kUnknown), std::end(kUnknown), reason) != std::end(kUnknown);
    unknown = unknown || (ERR_GET_LIB(packed) == ERR_LIB_PKCS8 && named) ||
              (ERR_GET_LIB(packed) == ERR_LIB_PEM && reason == PEM_R_UNSUPPORTED_ENCRYPTION);
  }
  return unknown;
}

std::string describe_passphrase(const CertificateFiles& files, std::string_view passphrase) {
  if (files.passphrase_file.empty()) {
    return " is encrypted; name the file with its passphrase as passphrase_file, or decrypt it "
           "with `openssl pkey`";
  }
  std::string text = " cannot be decrypted with what is in passphrase_file";
  if (passphrase.starts_with("\xff\xfe") || passphrase.starts_with("\xfe\xff")) {
    text += ", which is text in UTF-16; save it as ASCII or UTF-8";
  } else if (passphrase.starts_with("\xef\xbb\xbf")) {
    text += ", which begins with a byte order mark; save it without one";
  }
  return text;
}

std::string describe_failure(const CertificateFiles& files, const Passphrase& passphrase) {
  if (method_is_unknown()) {
    return " is encrypted by a method that postern does not have; encrypt it again with `openssl "
           "pkcs8 -topk8 -v2 aes-256-cbc`";
  }
  return passphrase.asked ? describe_passphrase(files, passphrase.text)
                          : " holds a private key that TLS cannot use; it must be RSA, ECDSA on "
                            "P-256, P-384 or P-521, or Ed25519";
}

}  // namespace

bssl::UniquePtr<EVP_PKEY> load_key(const CertificateFiles& files, const PemFile& file,
                                   Faults& faults) {
  std::optional<std::string> words = load_passphrase(files, faults);
  if (!words.has_value()) {
    return nullptr;
  }
  const PemBlock* block = file.find(is_private_key);
  if (block == nullptr) {
    faults.push_back({files.where, "key " + files.key + " holds no private key in PEM" +
                                       describe_kind(file.text(), files.key)});
    return nullptr;
  }
  const Secret secret(std::move(*words));
  Passphrase passphrase{secret.text()};
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(block->text.data(), static_cast<ossl_ssize_t>(block->text.size())));
  ERR_clear_error();
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &passphrase));
  if (key == nullptr) {
    faults.push_back({files.where, "key " + files.key + describe_failure(files, passphrase)});
  }
  ERR_clear_error();
  return key;
}

}  // namespace postern::tls
