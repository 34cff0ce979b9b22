#include "tls/internal/client_hello.h"

#include <algorithm>

namespace postern::tls {
namespace {

uint16_t on_the_wire(int version) {
  return static_cast<uint16_t>(TLS1_VERSION + version);
}

std::optional<Version> highest_between(const SSL_CLIENT_HELLO& hello, Version least, Version most) {
  const auto listed = list_extension(hello, TLSEXT_TYPE_supported_versions);
  const auto legacy = std::min<uint16_t>(hello.version, TLS1_2_VERSION);
  for (auto version = static_cast<int>(most); version >= static_cast<int>(least); --version) {
    const uint16_t wire = on_the_wire(version);
    if (listed.has_value() ? listed->has(wire) : wire <= legacy) {
      return static_cast<Version>(version);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Numbers> list_extension(const SSL_CLIENT_HELLO& hello, uint16_t type) {
  const uint8_t* data = nullptr;
  size_t length = 0;
  if (SSL_early_callback_ctx_extension_get(&hello, type, &data, &length) != 1) {
    return std::nullopt;
  }
  CBS body;
  CBS list;
  CBS_init(&body, data, length);
  // Every list but that of the versions begins with a length of two octets.
  const bool whole = type == TLSEXT_TYPE_supported_versions
                         ? CBS_get_u8_length_prefixed(&body, &list) == 1
                         : CBS_get_u16_length_prefixed(&body, &list) == 1;
  if (!whole) {
    return std::nullopt;
  }
  return Numbers(list);
}

Numbers offered_suites(const SSL_CLIENT_HELLO& hello) {
  CBS suites;
  CBS_init(&suites, hello.cipher_suites, hello.cipher_suites_len);
  return Numbers(suites);
}

bool has_extension(const SSL_CLIENT_HELLO& hello, uint16_t type) {
  const uint8_t* data = nullptr;
  size_t length = 0;
  return SSL_early_callback_ctx_extension_get(&hello, type, &data, &length) == 1;
}

std::optional<Version> highest_version(const SSL_CLIENT_HELLO& hello) {
  return highest_between(hello, Version::Tls10, Version::Tls13);
}

std::optional<Version> negotiate_version(const SSL_CLIENT_HELLO& hello, const Policy& policy) {
  return highest_between(hello, policy.min_version, policy.max_version);
}

}  // namespace postern::tls
