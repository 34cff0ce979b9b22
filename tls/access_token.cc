#include "tls/access_token.h"

#include <algorithm>

#include "proxy/base/bytes.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/file.h"

namespace postern::tls {
namespace {

static_assert(sizeof(std::array<uint8_t, 32>) == SHA256_DIGEST_LENGTH);

std::array<uint8_t, 32> digest_of(std::string_view token) {
  std::array<uint8_t, 32> digest;
  const Bytes octets = as_bytes(token);
  SHA256(octets.data(), octets.size(), digest.data());
  return digest;
}

constexpr char kAdvice[] = "; make one with `openssl rand -base64 48`";

}  // namespace

AccessToken::AccessToken(std::string_view token) : digest_(digest_of(token)) {}

Result<std::string> AccessToken::read(const std::string& path) {
  Result<std::string> content = read_file(path);
  if (!content) {
    return content.faults();
  }
  const Secret secret(std::move(content.value()));
  const std::string_view token = without_line_end(secret.text());
  if (token.size() < kLeast || token.size() > kMost) {
    return Fault{path, "holds " + std::to_string(token.size()) +
                           " octets, but a token has 32 to 1024" + kAdvice};
  }
  if (!std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; })) {
    return Fault{path, std::string("holds a space or another octet that a token cannot have: it is "
                                   "one word of ASCII") +
                           kAdvice};
  }
  return std::string(token);
}

Result<std::shared_ptr<const AccessToken>> AccessToken::load(const std::string& path) {
  Result<std::string> read_text = read(path);
  if (!read_text) {
    return read_text.faults();
  }
  const Secret secret(std::move(read_text.value()));
  return std::shared_ptr<const AccessToken>(new AccessToken(secret.text()));
}

bool AccessToken::is(std::string_view shown) const {
  const std::array<uint8_t, 32> other = digest_of(shown);
  return CRYPTO_memcmp(digest_.data(), other.data(), digest_.size()) == 0;
}

}  // namespace postern::tls
