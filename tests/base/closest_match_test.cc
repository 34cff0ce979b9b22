#include "proxy/base/closest_match.h"

#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(ClosestMatch, FindsTheIntendedWord) {
  const std::vector<std::string> words = {"tls", "listeners", "backends"};
  const auto found = [&](std::string_view text) {
    const std::string* word = closest_match(text, words);
    return word == nullptr ? "" : *word;
  };
  EXPECT_EQ(found("listners"), "listeners");
  EXPECT_EQ(found("tsl"), "tls") << "swapped neighbours are one slip";
  EXPECT_EQ(found("backend"), "backends");
  EXPECT_EQ(found("timeouts"), "");
  EXPECT_EQ(found(std::string(kMaxWordBytes + 1, 'x')), "");
}

}  // namespace
}  // namespace postern
