#include "proxy/users/user_map.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kBackends = {"new", "old"};

Result<std::shared_ptr<const UserMap>> parse(std::string_view text, std::string_view domain = "") {
  return UserMap::parse(text, "users.map", domain, kBackends);
}

std::shared_ptr<const UserMap> map_of(std::string_view text, std::string_view domain = "") {
  auto map = parse(text, domain);
  EXPECT_TRUE(map) << map.faults().front().text();
  return map ? map.value() : nullptr;
}

std::string first_fault(std::string_view text) {
  const auto map = parse(text);
  EXPECT_FALSE(map);
  return map ? "" : map.faults().front().text();
}

TEST(UserMap, FindsEachUser) {
  const auto map =
      map_of("# who lives where\n\nanna@example.org new\nbert\told\r\n  carl  new  # soon\n");
  EXPECT_EQ(map->size(), 3U);
  EXPECT_EQ(map->find("anna@example.org"), 0U);
  EXPECT_EQ(map->find("bert"), 1U);
  EXPECT_EQ(map->find("carl"), 0U);
  EXPECT_EQ(map->find("dora"), std::nullopt);
  EXPECT_EQ(map->find(""), std::nullopt);
}

TEST(UserMap, TakesAnEmptyFile) {
  for (const char* text : {"", "\n\n", "# nobody yet"}) {
    EXPECT_EQ(map_of(text)->find("anna"), std::nullopt);
  }
}

TEST(UserMap, ReadsNamesAsUserNames) {
  const auto map = map_of("Anna new\nbert@Other.Example old", "example.org");
  EXPECT_EQ(map->find("anna@example.org"), 0U);
  EXPECT_EQ(map->find("bert@other.example"), 1U);
  EXPECT_EQ(map->find("anna"), std::nullopt);
}

TEST(UserMap, FindsEachOfMany) {
  constexpr size_t kMany = 5'000;
  std::string text;
  for (size_t i = 0; i < kMany; ++i) {
    text += std::to_string(i);
    text += i % 3 == 0 ? " old\n" : " new\n";
  }
  const auto map = map_of(text);
  ASSERT_EQ(map->size(), kMany);
  for (size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(map->find(std::to_string(i)), i % 3 == 0 ? 1U : 0U) << i;
  }
  EXPECT_EQ(map->find(std::to_string(kMany)), std::nullopt);
}

TEST(UserMap, NamesAWrongLineByItsNumber) {
  EXPECT_THAT(first_fault("anna new\nbert\n"), HasSubstr("users.map:2: the line is not of two"));
  EXPECT_THAT(first_fault("anna # new"), HasSubstr("users.map:1: the line is not of two"));
  EXPECT_THAT(first_fault("\n#\nanna new x\n"), HasSubstr("users.map:3: the line is not of two"));
  EXPECT_THAT(first_fault("anna lost"), HasSubstr("users.map:1: \"lost\" is none of the "));
  EXPECT_THAT(first_fault("anna new\nAnna old\n"), HasSubstr("users.map:2: the line has a user"));
  EXPECT_THAT(first_fault("*@example.org new"), HasSubstr("belong into the configuration's"));
  EXPECT_THAT(first_fault("a\x01 new"), HasSubstr("control characters"));
  EXPECT_THAT(first_fault(std::string(300, 'a') + " new"), HasSubstr("more than 255 octets"));
  EXPECT_THAT(first_fault(std::string(2'000, 'a') + " new"), HasSubstr("longer than 1024 octets"));
  EXPECT_THAT(first_fault("anna new\n" + std::string(5'000, ' ')), HasSubstr("users.map:2"));
}

TEST(UserMap, NamesTheBackendsThatThereAre) {
  EXPECT_EQ(first_fault("anna neww\n"),
            "users.map:1: \"neww\" is none of the backends \"new\", \"old\"; did you mean "
            "\"new\"?");
  EXPECT_EQ(first_fault("anna \x1b]0;" + std::string(60, 'x')),
            "users.map:1: \"?]0;" + std::string(36, 'x') +
                "...\" is none of the backends \"new\", \"old\"");
}

TEST(UserMap, HoldsAUser) {
  const auto map = map_of("anna unavailable\nbert old\n");
  EXPECT_EQ(map->find("anna"), kBackends.size());
  EXPECT_EQ(map->held(), 1U);
  const auto named = UserMap::parse("anna unavailable\n", "users.map", "", {"unavailable"});
  ASSERT_TRUE(named);
  EXPECT_EQ(named.value()->find("anna"), 0U) << "a backend that has this name";
  EXPECT_EQ(named.value()->held(), 0U);
}

TEST(UserMap, SkipsAByteOrderMarkAtItsStart) {
  const std::string mark = "\xef\xbb\xbf";
  EXPECT_EQ(map_of(mark + "anna new\nbert old\n")->find("anna"), 0U);
  EXPECT_EQ(map_of("anna new\n" + mark + "bert old\n")->find("bert"), std::nullopt)
      << "elsewhere it belongs to the name";
}

TEST(UserMap, RefusesNamesThatNoLoginHas) {
  EXPECT_THAT(first_fault("anna: new"), HasSubstr("ends with \":\": write a space between"));
  EXPECT_THAT(first_fault("\"anna\" new"), HasSubstr("in quotes"));
  for (const char* user : {"anna@", "@example.org", "anna@@x"}) {
    EXPECT_THAT(first_fault(std::string(user) + " new"), HasSubstr("before or after an \"@\""));
  }
  EXPECT_EQ(map_of("\"a@b\"@x.example new")->size(), 1U) << "a local part may have quotes";
}

TEST(UserMap, KnowsWhetherItMixesNamesWithAndWithoutADomain) {
  EXPECT_TRUE(map_of("anna new\nbert@x.example new\n")->mixes_names());
  EXPECT_FALSE(map_of("anna new\nbert@x.example new\n", "example.org")->mixes_names());
  EXPECT_FALSE(map_of("anna new\nbert new\n")->mixes_names());
  EXPECT_FALSE(map_of("anna@x.example new\n")->mixes_names());
  EXPECT_FALSE(map_of("")->mixes_names());
}

TEST(UserMap, NamesTheFirstWrongLinesAndCountsTheOthers) {
  std::string text;
  for (int i = 0; i < 25; ++i) {
    text += "anna lost\n";
  }
  const auto map = parse(text);
  ASSERT_FALSE(map);
  ASSERT_EQ(map.faults().size(), UserMap::kMaxFaults + 1);
  EXPECT_EQ(map.faults().back().text(), "users.map: has 15 more wrong lines");
}

TEST(UserMap, NamesAFileThatIsNotThere) {
  const auto map = UserMap::load("/nowhere/users.map", "", kBackends);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.faults().front().text(),
            "/nowhere/users.map: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace postern
