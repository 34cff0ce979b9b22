// Jitter: a number by the digits of the clock, so that processes which began together do not act
// together for ever. Not for secrets.
#pragma once

#include <cstdint>

namespace postern {

// At least 0, less than `bound`, which is not 0.
constexpr uint64_t jitter(uint64_t now, uint64_t bound) {
  return (now * 0x9e3779b97f4a7c15 >> 32) % bound;
}

}  // namespace postern
