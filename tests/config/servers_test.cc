// The servers of a backend: in words and in maps, and what is doubtful about them.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config/config.h"

namespace postern {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config parse(const std::string& servers, const std::string& more = "") {
  const auto parsed = Config::parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends:\n"
      "  b: {servers: [" +
          servers + "]" + more + "}\n",
      "p.yaml", "");
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.faults().front().text());
  return parsed ? parsed.value() : Config();
}

std::vector<std::string> warnings(const std::string& servers) {
  std::vector<std::string> texts;
  for (const Fault& warning : parse(servers).warnings) {
    texts.push_back(warning.text());
  }
  return texts;
}

TEST(ConfigServers, AnAddressStandsForAMapWithOnlyThat) {
  const Config config = parse("mail1, {address: mail2}", ", tls: implicit");
  const std::vector<ServerConfig>& servers = config.backends[0].servers;
  ASSERT_EQ(servers.size(), 2U);
  for (const ServerConfig& server : servers) {
    EXPECT_EQ(server.host.port, 993) << "the default follows tls, which comes later";
    EXPECT_EQ(server.weight, 1U);
    EXPECT_EQ(server.max_sessions, 0U);
    EXPECT_FALSE(server.backup);
    EXPECT_FALSE(server.drain);
  }
}

TEST(ConfigServers, WarnIfNoneTakesSessions) {
  EXPECT_THAT(warnings("{address: a, drain: true}, {address: b, drain: true}"),
              ElementsAre("p.yaml:4: backends.b.servers: \"b\" has no server that takes new "
                          "sessions: all of them have drain"));
  EXPECT_THAT(warnings("{address: a, drain: true}, b"), IsEmpty());
}

TEST(ConfigServers, WarnIfAllAreBackups) {
  EXPECT_THAT(warnings("{address: a, backup: true}, {address: b, drain: true}"),
              ElementsAre("p.yaml:4: backends.b.servers: \"b\" has nothing but backup servers, so "
                          "backup makes no difference"));
  EXPECT_THAT(warnings("{address: a, backup: true}, b"), IsEmpty());
}

TEST(ConfigServers, AreReachedFromTheSourcesOfTheirBackend) {
  const Config config = parse("mail", ", source: [192.0.2.7, '2001:db8::7']");
  const std::vector<net::Address>& source = config.backends[0].source;
  ASSERT_EQ(source.size(), 2U);
  EXPECT_EQ(source[0].ip_text(), "192.0.2.7");
  EXPECT_EQ(source[1].ip_text(), "2001:db8::7");
}

TEST(ConfigServers, AreCheckedIfTheirBackendSaysSo) {
  EXPECT_FALSE(parse("mail").backends[0].health.has_value());
  EXPECT_FALSE(parse("mail", ", health: none").backends[0].health.has_value());
  const auto usual = parse("mail", ", health: {}").backends[0].health;
  ASSERT_TRUE(usual.has_value());
  EXPECT_EQ(usual->interval_ms, HealthConfig().interval_ms);
  const auto own =
      parse("mail", ", health: {interval: 3s, timeout: 1s, rise: 1, fall: 5}").backends[0].health;
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->interval_ms, 3'000U);
  EXPECT_EQ(own->timeout_ms, 1'000U);
  EXPECT_EQ(own->rise, 1U);
  EXPECT_EQ(own->fall, 5U);
}

TEST(ConfigServers, NeedHealthForReadinessToSpeakForThem) {
  const std::string begin =
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "admin: {ready: backends}\n"
      "default_backend: checked\n"
      "backends:\n"
      "  unused: {servers: [a]}\n";
  const auto taken = Config::parse(begin + "  checked: {servers: [b], health: {}}\n", "p.yaml", "");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken.value().ready, Readiness::Backends);
  const auto refused = Config::parse(begin + "  checked: {servers: [b]}\n", "p.yaml", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.faults().front().text(),
            "p.yaml:3: admin.ready: \"backends\" needs `health` at backend \"checked\": only its "
            "checks find out that a server is back");
}

}  // namespace
}  // namespace postern
