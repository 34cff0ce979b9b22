#include "proxy/pool/session_limit.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_config.h"

namespace postern {
namespace {

using testing::ElementsAre;

constexpr size_t kPorts = 28'232;

net::Address ip(const std::string& text) {
  return net::Address::parse(text + ":0").value();
}

std::string described(const Config& config, size_t ports = kPorts) {
  return describe(session_limit(config, config.backends[0], ports));
}

TEST(SessionLimit, IsThatOfLocalPortsWithOneServer) {
  const Config config = test::gateway_config({{"192.0.2.1", 143}});
  EXPECT_EQ(described(config),
            "at most 28232 sessions, by local ports (28232 toward each address of a server)");
  EXPECT_EQ(described(config, 0), "at most 100000 sessions, by limits.sessions");
}

TEST(SessionLimit, GrowsWithServersAndSources) {
  Config config = test::gateway_config({{"192.0.2.1", 143}, {"mail.internal", 143}});
  EXPECT_EQ(session_limit(config, config.backends[0], kPorts).sessions, 2 * kPorts);
  config.backends[0].source = {ip("192.0.2.7"), ip("192.0.2.8"), ip("[2001:db8::7]")};
  EXPECT_EQ(described(config),
            "at most 100000 sessions, by limits.sessions (56464 toward each address of a server)");
  config.backends[0].servers[1].drain = true;
  EXPECT_EQ(session_limit(config, config.backends[0], kPorts).sessions, 2 * kPorts);
  config.backends[0].servers[0] = {"2001:db8::1", 143};
  EXPECT_EQ(session_limit(config, config.backends[0], kPorts).sessions, kPorts);
}

TEST(SessionLimit, IsThatOfTheServersIfEachHasOne) {
  Config config = test::gateway_config({{"192.0.2.1", 143}, {"192.0.2.2", 143}});
  config.backends[0].servers[0].max_sessions = 500;
  EXPECT_STREQ(session_limit(config, config.backends[0], kPorts).by, "local ports");
  config.backends[0].servers[1].max_sessions = 1'500;
  EXPECT_EQ(described(config),
            "at most 2000 sessions, by max_sessions (28232 toward each address of a server)");
}

TEST(SessionLimit, NamesSourcesThatAreNotOfThisMachine) {
  Config config = test::gateway_config({{"192.0.2.1", 143}});
  config.backends[0].source = {ip("127.0.0.9"), ip("192.0.2.7")};
  std::vector<std::string> warnings;
  for (const Fault& fault : find_foreign_sources(config)) {
    warnings.push_back(fault.text());
  }
  EXPECT_THAT(warnings,
              ElementsAre("backends.pool.source: 192.0.2.7 is no address of this machine, "
                          "so no session can come from it"));
}

}  // namespace
}  // namespace postern
