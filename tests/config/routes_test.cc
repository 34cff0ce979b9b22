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

TEST(UserRoutesOfConfig, WarnOfABackendWhoseCapabilitiesNothingChecks) {
  const Config config = good("routes: [{user: anna, backend: new}]\n");
  ASSERT_FALSE(config.warnings.empty());
  EXPECT_THAT(config.warnings.front().text(), HasSubstr("has no health: until a session has met"));
}

TEST(UserRoutesOfConfig, WarnWhenUsersLeadNowhere) {
  const Config config = good("users: {default_domain: example.org}\n");
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_THAT(config.warnings.front().text(),
              HasSubstr("p.yaml:5: users.default_domain: \"example.org\" has no effect"));
}

LookupConfig lookup(const std::string& map) {
  const Config config = good("users:\n  lookup: {" + map + "}\n");
  EXPECT_TRUE(routes_by_user(config));
  EXPECT_TRUE(is_routed(config, 2)) << "the service may name any";
  return config.users.lookup.value_or(LookupConfig());
}

TEST(UserLookupOfConfig, HasThePartsOfItsUrl) {
  const LookupConfig plain = lookup("url: 'http://lookup.internal:8080/where?of=imap'");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, (net::HostPort{"lookup.internal", 8080}));
  EXPECT_EQ(plain.authority, "lookup.internal:8080");
  EXPECT_EQ(plain.target, "/where?of=imap");
  EXPECT_EQ(plain.timeout_ms, 2'000U);
  EXPECT_EQ(plain.cache_ms, 60'000U);

  const LookupConfig secure =
      lookup("url: 'https://[2001:db8::1]?a', ca: ca.pem, timeout: 500ms, cache: 0s");
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.host, (net::HostPort{"2001:db8::1", 443}));
  EXPECT_EQ(secure.authority, "[2001:db8::1]");
  EXPECT_EQ(secure.target, "/?a");
  EXPECT_EQ(secure.ca, "/etc/postern/ca.pem");
  EXPECT_EQ(secure.ca_where, "p.yaml:6");
  EXPECT_EQ(secure.timeout_ms, 500U);
  EXPECT_EQ(secure.cache_ms, 0U);
  EXPECT_EQ(lookup("url: 'http://127.0.0.1'").host, (net::HostPort{"127.0.0.1", 80}));
}

TEST(UserLookupOfConfig, IsAFaultWhereItsUrlIsNone) {
  const auto of = [](const std::string& url) {
    return fault("users:\n  lookup: {url: '" + url + "'}\n");
  };
  EXPECT_THAT(of("lookup.internal/where"),
              HasSubstr("p.yaml:6: users.lookup.url: \"lookup.internal/where\" begins neither with "
                        "http:// nor with https://"));
  for (const char* url : {"http://", "http:///where", "http://a b/", "http://a/#b", "http://a:0/",
                          "http://a:65536/", "http://a:x/", "ftp://a/", "http://a/\xc3\xbc"}) {
    EXPECT_THAT(of(url), HasSubstr("p.yaml:6: users.lookup.url: ")) << url;
  }
  EXPECT_THAT(of("http://a/" + std::string(2048, 'x')), HasSubstr("up to 2048 visible"));
  const std::string with_password = of("http://user:secret@a/");
  EXPECT_THAT(with_password, HasSubstr("a password have no place in it"));
  EXPECT_THAT(with_password, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(fault("users:\n  lookup: {timeout: 1s}\n"),
              HasSubstr("users.lookup.url: is missing"));
}

TEST(UserLookupOfConfig, IsAFaultWithACaInClear) {
  EXPECT_THAT(fault("users:\n  lookup: {url: 'http://a/', ca: ca.pem}\n"),
              HasSubstr("p.yaml:6: users.lookup.ca: there is no certificate to verify while "
                        "users.lookup.url is http"));
}

}  // namespace
}  // namespace postern
