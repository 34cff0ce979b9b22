#include "proxy/base/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "proxy/base/error.h"

namespace postern {
namespace {

TEST(Result, HoldsAValue) {
  Result<std::string> result(std::string("mail"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result.value(), "mail");
  result.value() += ".internal";
  EXPECT_EQ(result.value(), "mail.internal");
}

TEST(Result, MovesOutAValueThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result.value());
  EXPECT_EQ(*taken, 7);
}

TEST(Result, HoldsEveryFault) {
  const Result<int> result(Faults{{"postern.yaml:12", "no such key"}, {"", "no listener"}});
  ASSERT_FALSE(result);
  ASSERT_EQ(result.faults().size(), 2U);
  EXPECT_EQ(result.faults()[0].text(), "postern.yaml:12: no such key");
  EXPECT_EQ(result.faults()[1].text(), "no listener");
}

TEST(ResultDeathTest, RefusesToFailWithoutAReason) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH({ const Result<int> result(Faults{}); }, "a failed result has a reason .*result.h");
}

constexpr ErrorRow kRows[] = {{1, "dripping", "the tap drips"}};
const ErrorDomain kTaps = {"taps", kRows, [](int32_t code) { return std::to_string(code); }};

TEST(Error, IsNoneByDefault) {
  const Error none;
  EXPECT_FALSE(none);
  EXPECT_STREQ(none.label(), "none");
  EXPECT_EQ(none.text(), "no error");
}

TEST(Error, SaysWhatWasBeingDone) {
  const Error error{&kTaps, "closing", 1};
  EXPECT_TRUE(error);
  EXPECT_STREQ(error.label(), "dripping");
  EXPECT_EQ(error.text(), "closing: the tap drips");
  EXPECT_EQ((Error{&kTaps, "", 1}).text(), "the tap drips");
}

TEST(Error, LeavesACodeWithoutARowToItsDomain) {
  EXPECT_STREQ((Error{&kTaps, "", 7}).label(), "other");
  EXPECT_EQ((Error{&kTaps, "closing", 7}).text(), "closing: 7");
}

TEST(ErrorDeathTest, HasNoCodeWithoutARowInADomainThatIsComplete) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  static constexpr ErrorDomain kComplete = {"complete", kRows};
  EXPECT_STREQ((Error{&kComplete, "", 1}).label(), "dripping");
  EXPECT_DEATH((Error{&kComplete, "", 7}).label(), "the code is one of its domain .*error.h");
}

TEST(Error, ComparesTheKindNotTheOccasion) {
  EXPECT_EQ((Error{&kTaps, "closing", 1}), (Error{&kTaps, "opening", 1}));
  EXPECT_FALSE((Error{&kTaps, "", 1}) == (Error{&kTaps, "", 2}));
  EXPECT_FALSE((Error{&kTaps, "", 0}) == Error{});
}

}  // namespace
}  // namespace postern
