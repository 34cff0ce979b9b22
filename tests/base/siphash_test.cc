#include "proxy/base/siphash.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

// The key of the authors' test vectors: 00 01 … 0f.
constexpr SipHash::Key kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

uint64_t hash_of_first(uint8_t count) {
  SipHash hash(kKey);
  for (uint8_t i = 0; i < count; ++i) {
    hash.add(i);
  }
  return hash.value();
}

TEST(SipHash, MatchesTheAuthorsTestVectors) {
  EXPECT_EQ(hash_of_first(0), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(hash_of_first(1), 0x74f839c593dc67fdU);
  EXPECT_EQ(hash_of_first(8), 0x93f5f5799a932462U);
  EXPECT_EQ(hash_of_first(15), 0xa129ca6149be45e5U);
  EXPECT_EQ(hash_of_first(63), 0x958a324ceb064572U);
}

TEST(SipHash, DoesNotDependOnHowItsInputIsCut) {
  const std::array<uint8_t, 11> octets{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  SipHash whole(kKey);
  whole.add(Bytes(octets));
  for (size_t cut = 0; cut <= octets.size(); ++cut) {
    SipHash pieces(kKey);
    pieces.add(Bytes(octets).first(cut));
    pieces.add(Bytes(octets).subspan(cut));
    EXPECT_EQ(pieces.value(), whole.value()) << cut;
  }
}

TEST(SipHash, DependsOnBothHalvesOfTheKeyAndOnTheLength) {
  SipHash::Key low = kKey;
  low.low ^= 1;
  SipHash::Key high = kKey;
  high.high ^= 1;
  EXPECT_NE(SipHash(low).value(), SipHash(kKey).value());
  EXPECT_NE(SipHash(high).value(), SipHash(kKey).value());
  SipHash zero(kKey);
  zero.add(uint8_t{0});
  EXPECT_NE(zero.value(), SipHash(kKey).value());
}

}  // namespace
}  // namespace postern
