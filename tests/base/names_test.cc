#include "proxy/base/names.h"

#include <cstdint>
#include <type_traits>

#include <gtest/gtest.h>

namespace postern {
namespace {

enum class Hop : uint8_t { Client, Backend };
constexpr Names<Hop> kHopNames{"client", "backend"};
constexpr const char* name_of(Hop hop) {
  return kHopNames[hop];
}

struct Outer {
  enum class Inner { One, Two, Three };
};

TEST(Names, CountTheEnumeratorsThatThereAre) {
  static_assert(kCountOf<Hop> == 2);
  static_assert(kCountOf<Outer::Inner> == 3);
  static_assert(is_enumerator<Hop::Backend>());
  static_assert(!is_enumerator<static_cast<Hop>(2)>());
}

TEST(Names, CompileOnlyIfEveryEnumeratorHasAWord) {
  static_assert(std::is_constructible_v<Names<Hop>, const char*, const char*>);
  static_assert(!std::is_constructible_v<Names<Hop>, const char*>);
  static_assert(!std::is_constructible_v<Names<Hop>, const char*, const char*, const char*>);
}

TEST(Names, HaveARowForEachEnumerator) {
  using Row = Names<Hop>::Row;
  static_assert(std::is_constructible_v<Names<Hop>, const Row(&)[2]>);
  static_assert(!std::is_constructible_v<Names<Hop>, const Row(&)[1]>);
  constexpr Names<Hop> kRows({{Hop::Client, "c"}, {Hop::Backend, "b"}});
  EXPECT_STREQ(kRows[Hop::Backend], "b");
}

TEST(Names, AreInTheOrderOfTheEnumerators) {
  EXPECT_STREQ(name_of(Hop::Client), "client");
  EXPECT_STREQ(name_of(Hop::Backend), "backend");
}

}  // namespace
}  // namespace postern
