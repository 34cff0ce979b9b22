// What leads users to backends.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config/config.h"

namespace postern {
namespace {

using testing::HasSubstr;

Result<Config> parse(const std::string& more) {
  return Config::parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {old: {servers: [mail1]}, new: {servers: [mail2]}, spare: {servers: [mail3]}}\n"
      "default_backend: old\n" +
          more,
      "p.yaml", "/etc/postern/");
}

Config good(const std::string& more) {
  Result<Config> config = parse(more);
  EXPECT_TRUE(config) << config.faults().front().text();
  return config ? config.value() : Config();
}

std::string fault(const std::string& more) {
  const Result<Config> config = parse(more);
  EXPECT_FALSE(config);
  return config ? "" : config.faults().front().text();
}

TEST(UserRoutesOfConfig, MakeADifferenceOnlyIfThereIsOne) {
  EXPECT_FALSE(routes_by_user(good("")));
  EXPECT_FALSE(routes_by_user(good("routes: [{sni: a.example, backend: new}]\n")));
  EXPECT_TRUE(routes_by_user(good("routes: [{user: anna, backend: new}]\n")));
  EXPECT_TRUE(routes_by_user(good("users: {map: users.map}\n")));
}

TEST(UserRoutesOfConfig, HaveTheFormInWhichNamesAreCompared) {
  const Config config = good(
      "routes: [{user: Anna, backend: new}, {user: 'Bert@X.Example', backend: new},\n"
      "         {user: '*@Old.Example', backend: spare}]\n"
      "users: {default_domain: Example.ORG}\n");
  ASSERT_EQ(config.routes.size(), 3U);
  EXPECT_EQ(config.routes[0].user, "anna@example.org");
  EXPECT_EQ(config.routes[1].user, "bert@x.example");
  EXPECT_EQ(config.routes[2].user, "*@old.example");
  EXPECT_EQ(config.routes[2].backend, 2U);
  EXPECT_EQ(config.routes[2].sni, "");
}

TEST(UserRoutesOfConfig, LeadToTheBackendsThatAClientCanComeTo) {
  const Config routed = good("routes: [{user: anna, backend: new}]\n");
  EXPECT_TRUE(is_routed(routed, 0) && is_routed(routed, 1));
  EXPECT_FALSE(is_routed(routed, 2));
  EXPECT_TRUE(is_routed(good("users: {map: users.map}\n"), 2)) << "the map may name any";
}

TEST(UserRoutesOfConfig, HaveAMapBesideTheFile) {
  const UsersConfig users = good("users:\n  map: users.map\n").users;
  EXPECT_EQ(users.map, "/etc/postern/users.map");
  EXPECT_EQ(users.map_where, "p.yaml:6");
}

TEST(UserRoutesOfConfig, AreFaultsWhereTheySayTooLittleOrTooMuch) {
  EXPECT_THAT(fault("routes:\n  - backend: new\n"),
              HasSubstr("p.yaml:6: routes: a route needs either sni or user"));
  EXPECT_THAT(fault("routes: [{user: anna, sni: a.example, backend: new}]\n"),
              HasSubstr("p.yaml:5: routes: a route needs either sni or user"));
  EXPECT_THAT(fault("routes: [{user: '*', backend: new}]\n"),
              HasSubstr("p.yaml:5: routes[0].user: \"*\" is neither a user's name nor *@DOMAIN"));
  EXPECT_THAT(fault("routes: [{user: anna, backend: lost}]\n"),
              HasSubstr("\"lost\" is none of the backends"));
  EXPECT_THAT(fault("users: {default_domain: example.org}\n"
                    "routes:\n"
                    "  - {user: anna, backend: new}\n"
                    "  - {user: ANNA@example.org, backend: old}\n"),
              HasSubstr("p.yaml:8: routes[1].user: \"ANNA@example.org\" has a route already (line "
                        "7)"));
  EXPECT_THAT(fault("users: {default_domain: 'a b'}\n"), HasSubstr("users.default_domain"));
}

TEST(UserRoutesOfConfig, WarnWhenUsersLeadNowhere) {
  const Config config = good("users: {default_domain: example.org}\n");
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_THAT(config.warnings.front().text(),
              HasSubstr("p.yaml:5: users.default_domain: \"example.org\" has no effect"));
}

}  // namespace
}  // namespace postern
