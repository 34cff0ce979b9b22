// PeerReport: what a server has shown in its handshake, for people: the certificates that it sent,
// what a client that verifies them would say, its OCSP response. Made by Engine::peer_report().
// A value; its strings are the peer's words and are not escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "tls/failure.h"

namespace postern::tls {

struct PeerCertificate {
  std::string subject;  // as in RFC 4514
  std::string issuer;
  std::string key;         // "ECDSA 256", "RSA 2048", "Ed25519 256"
  int64_t not_before = 0;  // seconds since 1970
  int64_t not_after = 0;
  bool self_signed = false;
};

// The OCSP response that came with the handshake. The signature is not verified.
enum class StapleState : uint8_t { None, Fresh, Outdated, Unusable };
inline constexpr Names<StapleState> kStapleNames{"none", "fresh", "outdated", "unusable"};
constexpr const char* name_of(StapleState state) {
  return kStapleNames[state];
}

struct PeerReport {
  static constexpr size_t kMostCertificates = 8;

  std::vector<PeerCertificate> chain;  // leaf first, at most kMostCertificates
  std::vector<std::string> names;      // that the leaf is for
  std::optional<Failure> failure;      // of a client that verifies; nullopt: all is well
  std::string finding;                 // what is wrong in words; may be empty
  int leaf_bits = 0;                   // of the leaf's key
  bool must_staple = false;            // clients may insist on an OCSP response (RFC 7633)
  StapleState staple = StapleState::None;
};

}  // namespace postern::tls
