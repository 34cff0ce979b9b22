// Policy: which TLS versions, cipher suites and groups a hop accepts, as a value to print and
// review. Presets follow RFC 9325 and RFC 8997; names are IANA's. BoringSSL fixes the order of TLS
// 1.3 suites itself and always offers all three.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/base/result.h"

namespace postern::tls {

enum class Version : uint8_t { Tls10, Tls11, Tls12, Tls13 };
inline constexpr Names<Version> kVersionNames{"1.0", "1.1", "1.2", "1.3"};
constexpr const char* name_of(Version version) {
  return kVersionNames[version];
}

// By the group's name: with a key exchange that holds against a quantum computer.
constexpr bool is_post_quantum(std::string_view group) {
  return group == "X25519MLKEM768";
}

struct Policy {
  std::string name;  // "modern", "intermediate", "custom"
  Version min_version = Version::Tls12;
  Version max_version = Version::Tls13;
  // IANA names of TLS 1.2 suites in order of preference; may be empty for 1.3 only.
  std::vector<std::string> ciphers;
  // In order of preference; in the presets "X25519MLKEM768" (if built in; TLS 1.3 alone),
  // "X25519", "secp256r1", "secp384r1".
  std::vector<std::string> groups;

  // modern | intermediate; a fault lists them.
  static Result<Policy> preset(std::string_view name);
  // Checks every name against what BoringSSL has and refuses what is not safe on the client side
  // (anything but ECDHE with AEAD, a minimum below 1.2). All faults at once.
  static Result<Policy> custom(Version min_version, const std::vector<std::string>& ciphers,
                               const std::vector<std::string>& groups);
  // For the backend hop only: the widest set that BoringSSL still has, from `min_version` (1.0
  // possible).
  static Policy toward_backend(Version min_version);

  // What is really in force, one line each: versions, suites, groups. For `postern check`.
  std::string describe() const;
};

}  // namespace postern::tls
