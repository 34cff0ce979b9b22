// SipHash-2-4 (Aumasson, Bernstein, 2012): a short keyed hash. An attacker who chooses the input
// can neither aim at a place in a table nor infer from a hash what was hashed. Takes its input in
// pieces. A value; one thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace postern {

class SipHash {
 public:
  struct Key {
    uint64_t low = 0;
    uint64_t high = 0;
  };

  explicit SipHash(const Key& key)
      : state_{key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d,
               key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573} {}

  void add(uint8_t octet) {
    word_ |= uint64_t{octet} << (8 * (length_ % 8));
    if (++length_ % 8 == 0) {
      take_word();
    }
  }
  void add(Bytes octets) {
    for (const uint8_t octet : octets) {
      add(octet);
    }
  }
  // Lowest octet first.
  void add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      add(static_cast<uint8_t>(number >> shift));
    }
  }

  // The hash of everything added.
  uint64_t value() const {
    SipHash last = *this;
    last.word_ |= uint64_t{length_} << 56;
    last.take_word();
    last.state_[2] ^= 0xFF;
    for (int i = 0; i < 4; ++i) {
      last.round();
    }
    return last.state_[0] ^ last.state_[1] ^ last.state_[2] ^ last.state_[3];
  }

 private:
  void take_word() {
    state_[3] ^= word_;
    round();
    round();
    state_[0] ^= word_;
    word_ = 0;
  }
  void round() {
    auto& [a, b, c, d] = state_;
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }

  std::array<uint64_t, 4> state_;
  uint64_t word_ = 0;   // the octets since the last whole word
  uint8_t length_ = 0;  // modulo 256, as the algorithm requires
};

}  // namespace postern
