#include "proxy/net/overflow.h"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace postern::net {
namespace {

std::vector<uint8_t> contents(const Overflow& overflow) {
  std::vector<Bytes> views(1024);
  views.resize(overflow.peek(views.data(), views.size()));
  std::vector<uint8_t> out;
  for (const Bytes view : views) {
    out.insert(out.end(), view.begin(), view.end());
  }
  return out;
}

TEST(Overflow, BehavesLikeADequeOfBytes) {
  std::mt19937 random(1);
  const auto up_to = [&](size_t most) {
    return std::uniform_int_distribution<size_t>(0, most)(random);
  };
  Overflow overflow;
  std::deque<uint8_t> model;
  for (int round = 0; round < 1000; ++round) {
    if (up_to(9) < 5) {
      std::vector<uint8_t> bytes(up_to(3) == 0 ? up_to(3 * Overflow::kChunkBytes) : up_to(100));
      std::ranges::generate(bytes, [&] { return static_cast<uint8_t>(random()); });
      overflow.append(bytes);
      model.insert(model.end(), bytes.begin(), bytes.end());
    } else {
      const size_t count = up_to(3) == 0 ? model.size() : up_to(model.size());
      overflow.consume(count);
      model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(count));
    }
    ASSERT_EQ(overflow.size(), model.size());
    ASSERT_EQ(overflow.empty(), model.empty());
    if (round % 20 == 0) {
      ASSERT_EQ(contents(overflow), std::vector<uint8_t>(model.begin(), model.end()));
    }
  }
}

TEST(Overflow, KeepsViewsValidWhileMoreIsAppended) {
  Overflow overflow;
  overflow.append(as_bytes("early"));
  Bytes early;
  ASSERT_EQ(overflow.peek(&early, 1), 1U);
  overflow.append(std::vector<uint8_t>(10 * Overflow::kChunkBytes, 'x'));
  EXPECT_EQ(as_text(early), "early");
  Bytes now;
  ASSERT_EQ(overflow.peek(&now, 1), 1U);
  EXPECT_EQ(now.data(), early.data());
}

TEST(Overflow, ShowsNoMoreViewsThanAskedFor) {
  Overflow overflow;
  overflow.append(std::vector<uint8_t>(4 * Overflow::kChunkBytes, 'x'));
  Bytes views[3];
  ASSERT_EQ(overflow.peek(views, 3), 3U);
  EXPECT_EQ(views[0].size() + views[1].size() + views[2].size(), 3 * Overflow::kChunkBytes);
}

TEST(Overflow, MayBeFilledAgainAfterItWasCleared) {
  Overflow overflow;
  overflow.append(std::vector<uint8_t>(4 * Overflow::kChunkBytes, 'x'));
  overflow.clear();
  EXPECT_TRUE(overflow.empty());
  overflow.append(as_bytes("again"));
  EXPECT_EQ(contents(overflow), (std::vector<uint8_t>{'a', 'g', 'a', 'i', 'n'}));
}

}  // namespace
}  // namespace postern::net
