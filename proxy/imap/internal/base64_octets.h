// Base64Octets: decodes a response of SASL (RFC 4648 §4) octet by octet, and no more than the
// caller asks for: what follows may be a password.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/secret.h"

namespace postern::imap {

class Base64Octets {
 public:
  static constexpr int kEnd = -1;  // instead of an octet: there are no more
  static constexpr int kBad = -2;  // or the rest is no base64

  explicit Base64Octets(std::string_view base64)
      : rest_(base64 == "=" ? std::string_view() : base64) {}
  Base64Octets(const Base64Octets&) = delete;
  Base64Octets& operator=(const Base64Octets&) = delete;
  ~Base64Octets() { wipe(&bits_, sizeof bits_); }  // they may belong to the password already

  int next() {
    if (count_ == 0 && !take_group()) {
      return rest_.empty() ? kEnd : kBad;
    }
    --count_;
    return static_cast<int>(bits_ >> (8 * count_) & 0xFF);
  }

 private:
  // The value of a digit of base64 (RFC 4648 §4), or -1.
  static int digit_value(uint8_t digit) {
    if (digit >= 'A' && digit <= 'Z') {
      return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
      return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
      return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
  }

  // Four digits are three octets, or fewer at the end.
  bool take_group() {
    if (rest_.size() < 4) {
      return false;
    }
    const size_t padding = rest_.size() > 4 || rest_[3] != '=' ? 0 : rest_[2] == '=' ? 2 : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4 - padding; ++i) {
      const int value = digit_value(static_cast<uint8_t>(rest_[i]));
      if (value < 0) {
        return false;
      }
      bits = bits << 6 | static_cast<uint32_t>(value);
    }
    rest_.remove_prefix(4);
    count_ = 3 - padding;
    bits_ = bits >> (padding == 2 ? 4 : padding == 1 ? 2 : 0);
    return true;
  }

  std::string_view rest_;
  uint32_t bits_ = 0;
  size_t count_ = 0;  // of octets in `bits_`
};

}  // namespace postern::imap
