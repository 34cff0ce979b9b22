#include "tls/internal/suites.h"

#include <algorithm>
#include <array>

#include "tls/engine.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {
namespace {

#ifdef SSL_GROUP_X25519_MLKEM768
constexpr bool kHasMlkem = true;
#else
constexpr bool kHasMlkem = false;
#endif

// Within a use, in order of preference.
constexpr std::array kSuites = {
    Suite{"TLS_AES_128_GCM_SHA256", 0x1301, SuiteUse::Tls13},
    Suite{"TLS_AES_256_GCM_SHA384", 0x1302, SuiteUse::Tls13},
    Suite{"TLS_CHACHA20_POLY1305_SHA256", 0x1303, SuiteUse::Tls13},
    Suite{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b, SuiteUse::EcdheEcdsa},
    Suite{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f, SuiteUse::EcdheRsa},
    Suite{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c, SuiteUse::EcdheEcdsa},
    Suite{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030, SuiteUse::EcdheRsa},
    Suite{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9, SuiteUse::EcdheEcdsa},
    Suite{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8, SuiteUse::EcdheRsa},
    Suite{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009, SuiteUse::Legacy},
    Suite{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013, SuiteUse::Legacy},
    Suite{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a, SuiteUse::Legacy},
    Suite{"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014, SuiteUse::Legacy},
    Suite{"TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c, SuiteUse::Legacy},
    Suite{"TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d, SuiteUse::Legacy},
    Suite{"TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f, SuiteUse::Legacy},
    Suite{"TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, SuiteUse::Legacy},
    Suite{"TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a, SuiteUse::Legacy},
};

constexpr std::array kGroups = {
    Group{"X25519MLKEM768", "X25519MLKEM768", 0x11ec, kHasMlkem, true},
    Group{"X25519", "X25519", 29, true},
    Group{"secp256r1", "P-256", 23, true},
    Group{"secp384r1", "P-384", 24, true},
    Group{"secp521r1", "P-521", 25, true},
};

constexpr auto kCipherNames = [] {
  std::array<const char*, kSuites.size() + 1> names{};
  for (size_t i = 0; i < kSuites.size(); ++i) {
    names[i] = kSuites[i].name;
  }
  names.back() = "other";
  return names;
}();

constexpr auto kGroupNames = [] {
  std::array<const char*, kGroups.size() + 2> names{};
  names.front() = "none";
  for (size_t i = 0; i < kGroups.size(); ++i) {
    names[i + 1] = kGroups[i].name;
  }
  names.back() = "other";
  return names;
}();

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char one, char other) {
    return OPENSSL_tolower(one) == OPENSSL_tolower(other);
  });
}

}  // namespace

std::span<const Suite> suites() {
  return kSuites;
}
std::span<const Group> groups() {
  return kGroups;
}
std::span<const char* const> cipher_names() {
  return kCipherNames;
}
std::span<const char* const> group_names() {
  return kGroupNames;
}

const Suite* find_suite(std::string_view name) {
  const auto* found = std::find_if(kSuites.begin(), kSuites.end(),
                                   [&](const Suite& suite) { return suite.name == name; });
  return found == kSuites.end() ? nullptr : found;
}

const Group* find_group(std::string_view name) {
  const auto* found = std::find_if(kGroups.begin(), kGroups.end(),
                                   [&](const Group& group) { return group.name == name; });
  return found == kGroups.end() ? nullptr : found;
}

const Suite* suite_meant_by(std::string_view name) {
  const auto* found = std::find_if(kSuites.begin(), kSuites.end(), [&](const Suite& suite) {
    const SSL_CIPHER* cipher = SSL_get_cipher_by_value(suite.id);
    return same_letters(name, suite.name) ||
           (cipher != nullptr && same_letters(name, SSL_CIPHER_get_name(cipher)));
  });
  return found == kSuites.end() ? nullptr : found;
}

const Group* group_meant_by(std::string_view name) {
  const std::string_view wanted = same_letters(name, "prime256v1") ? "secp256r1" : name;
  const auto* found = std::find_if(kGroups.begin(), kGroups.end(), [&](const Group& group) {
    return same_letters(wanted, group.name) || same_letters(wanted, group.boringssl_name);
  });
  return found == kGroups.end() ? nullptr : found;
}

uint8_t cipher_index(uint16_t id) {
  const auto* found = std::find_if(kSuites.begin(), kSuites.end(),
                                   [&](const Suite& suite) { return suite.id == id; });
  return static_cast<uint8_t>(found - kSuites.begin());  // past the last: "other"
}

uint8_t group_index(uint16_t id) {
  if (id == 0) {
    return 0;
  }
  const auto* found = std::find_if(kGroups.begin(), kGroups.end(),
                                   [&](const Group& group) { return group.id == id; });
  return static_cast<uint8_t>(found - kGroups.begin() + 1);
}

}  // namespace postern::tls
