#include "proxy/base/error_table.h"

#include <cstdint>
#include <type_traits>

#include <gtest/gtest.h>

namespace postern {
namespace {

enum class Leak : int32_t { Dripping, Running };

using Row = ErrorTable<Leak>::Row;
constexpr ErrorTable<Leak> kLeaks({
    {Leak::Dripping, "dripping", "the tap drips"},
    {Leak::Running, "running", "the tap runs"},
});

TEST(ErrorTable, HasARowForEachEnumerator) {
  EXPECT_STREQ(kLeaks[Leak::Running].label, "running");
  EXPECT_STREQ(kLeaks[Leak::Running].text, "the tap runs");
  ASSERT_EQ(kLeaks.rows().size(), 2U);
  EXPECT_EQ(kLeaks.rows()[1].code, static_cast<int32_t>(Leak::Running));
}

TEST(ErrorTable, CompilesOnlyIfEveryEnumeratorHasARow) {
  static_assert(std::is_constructible_v<ErrorTable<Leak>, const Row(&)[2]>);
  static_assert(!std::is_constructible_v<ErrorTable<Leak>, const Row(&)[1]>);
  static_assert(!std::is_constructible_v<ErrorTable<Leak>, const Row(&)[3]>);
}

TEST(ErrorTable, MakesADomain) {
  static constexpr ErrorDomain kTaps = {"taps", kLeaks.rows()};
  const Error error{&kTaps, "closing", static_cast<int32_t>(Leak::Dripping)};
  EXPECT_STREQ(error.label(), "dripping");
  EXPECT_EQ(error.text(), "closing: the tap drips");
}

}  // namespace
}  // namespace postern
