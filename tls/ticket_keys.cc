#include "tls/ticket_keys.h"

#include <algorithm>

#include "tls/internal/boringssl.h"
#include "tls/internal/file.h"

namespace postern::tls {
namespace {

constexpr size_t kMinSecretBytes = 32;
constexpr std::string_view kSalt = "postern session tickets 1";

}  // namespace

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(prk_.data(), prk_.size());
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::load(const std::string& path) {
  Result<std::string> content = read_file(path);
  if (!content) {
    return content.faults();
  }
  const Secret secret(std::move(content.value()));
  const std::string_view text = without_line_end(secret.text());
  if (text.size() < kMinSecretBytes) {
    return Fault{path, "holds " + std::to_string(text.size()) +
                           " octets, but a ticket secret needs 32 at least; make one with "
                           "`openssl rand -base64 48`"};
  }
  return from_secret(as_bytes(text));
}

std::shared_ptr<const TicketKeys> TicketKeys::random() {
  std::array<uint8_t, 32> secret;
  RAND_bytes(secret.data(), secret.size());
  auto keys = from_secret(secret);
  OPENSSL_cleanse(secret.data(), secret.size());
  return keys;
}

std::shared_ptr<const TicketKeys> TicketKeys::from_secret(Bytes secret) {
  std::shared_ptr<TicketKeys> keys(new TicketKeys);
  size_t length = 0;
  const Bytes salt = as_bytes(kSalt);
  const int made = HKDF_extract(keys->prk_.data(), &length, EVP_sha256(), secret.data(),
                                secret.size(), salt.data(), salt.size());
  check(made == 1 && length == keys->prk_.size(), "HKDF-Extract with SHA-256 cannot fail");
  return keys;
}

// The window comes first and has a fixed length, so that no two (window, binding) are one text.
TicketKeys::Key TicketKeys::derive(std::string_view binding, int64_t now_s, int offset) const {
  const auto window = static_cast<uint64_t>(now_s / kWindowSeconds + offset);
  std::string info;
  for (int shift = 56; shift >= 0; shift -= 8) {
    info.push_back(static_cast<char>(window >> shift));
  }
  info.append(binding);

  Key key;
  std::array<uint8_t, sizeof key.name + sizeof key.hmac + sizeof key.aes> material;
  const Bytes octets = as_bytes(info);
  const int made = HKDF_expand(material.data(), material.size(), EVP_sha256(), prk_.data(),
                               prk_.size(), octets.data(), octets.size());
  check(made == 1, "HKDF-Expand of 80 octets cannot fail");
  const uint8_t* from = material.data();
  for (const MutableBytes part :
       {MutableBytes(key.name), MutableBytes(key.hmac), MutableBytes(key.aes)}) {
    std::copy_n(from, part.size(), part.begin());
    from += part.size();
  }
  OPENSSL_cleanse(material.data(), material.size());
  return key;
}

}  // namespace postern::tls
