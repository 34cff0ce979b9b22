// Reads the lists of a ClientHello before BoringSSL makes its choices from them. Views of the
// hello, valid inside its callback.
#pragma once

#include <cstdint>
#include <optional>

#include "tls/internal/boringssl.h"
#include "tls/policy.h"

namespace postern::tls {

// Numbers of 16 bits, as they stand in a ClientHello.
class Numbers {
 public:
  explicit Numbers(CBS list) : list_(list) {}

  template <typename Wanted>
  bool any(Wanted wanted) const {
    CBS rest = list_;
    uint16_t number = 0;
    while (CBS_get_u16(&rest, &number)) {
      if (wanted(number)) {
        return true;
      }
    }
    return false;
  }
  bool has(uint16_t wanted) const {
    return any([wanted](uint16_t number) { return number == wanted; });
  }

 private:
  CBS list_;
};

// An extension that is a list of numbers. nullopt if it is absent or ill-formed; BoringSSL refuses
// an ill-formed one afterwards.
std::optional<Numbers> list_extension(const SSL_CLIENT_HELLO& hello, uint16_t type);
Numbers offered_suites(const SSL_CLIENT_HELLO& hello);
bool has_extension(const SSL_CLIENT_HELLO& hello, uint16_t type);

// The highest version that the client offers, of those that we know.
std::optional<Version> highest_version(const SSL_CLIENT_HELLO& hello);

// The version that the hello and the policy lead to (RFC 8446 §4.2.1, RFC 5246 appendix E.1).
std::optional<Version> negotiate_version(const SSL_CLIENT_HELLO& hello, const Policy& policy);

}  // namespace postern::tls
