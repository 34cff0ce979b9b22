// How the backend's certificate is checked: chain to a CA, name against SAN dNSName or iPAddress
// only (RFC 9525: never the common name), and optionally pinned public keys. Pins alone are enough
// when no CA is named; `None` must be configured by name and shows in log and metric.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/base/result.h"

namespace postern::tls {

struct Verification {
  enum class Mode { None, Verify };
  Mode mode = Mode::Verify;
  std::string ca_file;  // PEM; empty: the system's store
  std::string name;     // what the certificate must be for; empty: the server's host
  std::vector<std::string> pins_sha256;  // base64 of SHA-256(SubjectPublicKeyInfo), RFC 7469 §2.4
};
inline constexpr Names<Verification::Mode> kVerificationNames{"none", "verify"};
constexpr const char* name_of(Verification::Mode mode) {
  return kVerificationNames[mode];
}

// A rule made ready. Its file is read once, so that all threads judge by the same; immutable
// afterwards, shared by the contexts of all of them (a verification takes the lock of the
// authorities for a moment). Faults: an unreadable CA file, invalid pins.
class Verifier;
Result<std::shared_ptr<const Verifier>> load_verifier(const Verification& rule);

// What pins the first certificate of a PEM file, as `pins_sha256` has it.
Result<std::string> pin_of(const std::string& path);

}  // namespace postern::tls
