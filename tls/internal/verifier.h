// Verifier: a Verification made ready to judge the certificates of a backend. Immutable; any
// thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "tls/failure.h"
#include "tls/internal/boringssl.h"
#include "tls/verification.h"

namespace postern::tls {

// What one connection expects of its server, and what was found in its place.
struct PeerCheck {
  std::string host;     // the name that the certificate must be for
  std::string finding;  // in words; empty if the failure says all
};

class Verifier {
 public:
  // nullopt if `chain` (leaf first) is good for the rule's name, or for the host if it has none.
  std::optional<Failure> judge(const STACK_OF(CRYPTO_BUFFER) * chain, PeerCheck& check) const;

 private:
  friend Result<std::shared_ptr<const Verifier>> load_verifier(const Verification& rule);
  using Pin = std::array<uint8_t, SHA256_DIGEST_LENGTH>;

  Verifier() = default;
  bool pinned(X509& leaf) const;
  std::optional<Failure> judge_chain(X509& leaf, STACK_OF(X509) * others, const std::string& host,
                                     std::string& finding) const;

  Verification::Mode mode_ = Verification::Mode::Verify;
  std::string name_;
  std::vector<Pin> pins_;
  bssl::UniquePtr<X509_STORE> authorities_;  // null: the pins alone decide
};

// The authorities of a PEM text; `path` is for faults. An old certificate that BoringSSL does not
// parse is a fault in a file made for us, and is skipped in the system's store.
enum class Unparsable { IsFault, IsPassedOver };
Result<bssl::UniquePtr<X509_STORE>> parse_authorities(const std::string& pem,
                                                      const std::string& path,
                                                      Unparsable unparsable);
// Those of the system's store.
Result<bssl::UniquePtr<X509_STORE>> load_system_authorities();
// A peer's chain as BoringSSL's verification wants it, leaf first; null if it is empty or broken.
bssl::UniquePtr<STACK_OF(X509)> parse_chain(const STACK_OF(CRYPTO_BUFFER) * chain);
Failure failure_of(int x509_error);

bool is_ip_literal(const std::string& host);

}  // namespace postern::tls
