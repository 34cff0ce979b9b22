#include "proxy/users/user_routes.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(UserRoutes, TheMoreParticularWins) {
  const auto map =
      UserMap::parse("anna@old.example new\n", "users.map", "", {"old", "new", "third"});
  ASSERT_TRUE(map);
  const UserRoutes routes("", map.value(),
                          {{"*@old.example", 0}, {"bert@old.example", 2}, {"carl", 1}});
  EXPECT_EQ(routes.find("anna@old.example"), 1U) << "the map";
  EXPECT_EQ(routes.find("bert@old.example"), 2U) << "a route with this name";
  EXPECT_EQ(routes.find("dora@old.example"), 0U) << "a route for the domain";
  EXPECT_EQ(routes.find("carl"), 1U);
  EXPECT_EQ(routes.find("dora"), std::nullopt);
  EXPECT_EQ(routes.find("dora@new.example"), std::nullopt);
  EXPECT_EQ(routes.find("dora@sub.old.example"), std::nullopt) << "that is another domain";
  EXPECT_EQ(routes.find(""), std::nullopt);
  EXPECT_EQ(routes.mapped(), 1U);
}

TEST(UserRoutes, TellsWhatIsSaidOfAUserFromWhatIsSaidOfADomain) {
  const auto map = UserMap::parse("anna@old.example new\n", "users.map", "", {"old", "new"});
  ASSERT_TRUE(map);
  const UserRoutes routes("", map.value(), {{"*@old.example", 0}, {"bert@old.example", 0}});
  EXPECT_EQ(routes.find_user("anna@old.example"), 1U);
  EXPECT_EQ(routes.find_user("bert@old.example"), 0U);
  EXPECT_EQ(routes.find_user("carl@old.example"), std::nullopt);
  EXPECT_EQ(routes.find_user(""), std::nullopt);
}

TEST(UserRoutes, ADomainIsWhatFollowsTheLastAt) {
  const UserRoutes routes("", nullptr, {{"*@old.example", 0}});
  EXPECT_EQ(routes.find("\"a@b\"@old.example"), 0U);
  EXPECT_EQ(routes.find("a@old.example@other.example"), std::nullopt);
}

TEST(UserRoutes, ANameWithoutDomainHasTheDefaultOne) {
  const UserRoutes routes("old.example", nullptr, {{"*@old.example", 0}});
  EXPECT_EQ(routes.name_of("Anna"), "anna@old.example");
  EXPECT_EQ(routes.find(routes.name_of("anna")), 0U);
  EXPECT_EQ(routes.find(routes.name_of("anna*master")), 0U);
  EXPECT_EQ(routes.find("anna@new.example"), std::nullopt);
}

}  // namespace
}  // namespace postern
