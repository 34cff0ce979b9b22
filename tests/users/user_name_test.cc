#include "proxy/users/user_name.h"

#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(UserName, CountsWithoutCaseOfAsciiLetters) {
  EXPECT_EQ(user_name("Anna@Example.ORG", ""), "anna@example.org");
  EXPECT_EQ(user_name("M\xc3\x9cLLER", ""), "m\xc3\x9cller") << "other letters stay";
}

TEST(UserName, GetsTheDefaultDomain) {
  EXPECT_EQ(user_name("anna", "example.org"), "anna@example.org");
  EXPECT_EQ(user_name("anna@other.example", "example.org"), "anna@other.example");
  EXPECT_EQ(user_name("anna", ""), "anna");
}

TEST(UserName, IsThatOfTheMailboxAndNotOfTheMaster) {
  EXPECT_EQ(user_name("anna*admin", ""), "anna");
  EXPECT_EQ(user_name("anna@example.org*admin@example.org", ""), "anna@example.org");
  EXPECT_EQ(user_name("anna*admin", "example.org"), "anna@example.org");
}

TEST(UserName, IsEmptyWhereNoRouteCanHaveIt) {
  EXPECT_EQ(user_name("", "example.org"), "");
  EXPECT_EQ(user_name("*admin", ""), "");
  EXPECT_EQ(user_name("an na", ""), "");
  EXPECT_EQ(user_name(std::string("an\0na", 5), ""), "");
  EXPECT_EQ(user_name("anna\r\n", ""), "");
  EXPECT_EQ(user_name(std::string(kMaxUserName, 'a'), "").size(), kMaxUserName);
  EXPECT_EQ(user_name(std::string(kMaxUserName + 1, 'a'), ""), "");
  EXPECT_EQ(user_name(std::string(kMaxUserName, 'a'), "x"), "") << "with its domain it is too long";
}

TEST(UserName, PatternIsANameOrADomain) {
  for (const char* good : {"anna", "anna@example.org", "*@example.org", "*@old"}) {
    EXPECT_TRUE(is_user_pattern(good)) << good;
  }
  for (const char* bad : {"", "*", "*@", "anna*", "*anna", "*@*", "*@a@b", "a b", "an*na@x",
                          "anna:", "\"anna\"", "anna@", "@example.org", "anna@@x"}) {
    EXPECT_FALSE(is_user_pattern(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern
