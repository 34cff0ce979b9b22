// The keys under `limits`, and those of a listener that belong to them.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config/config.h"

namespace postern {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Result<Config> parse(const std::string& limits, const std::string& listener = "") {
  return Config::parse("listeners: [{address: '127.0.0.1:993'" + listener +
                           "}]\n"
                           "tls: {certificates: [{chain: c, key: k}]}\n"
                           "backends: {b: {servers: [h]}}\n"
                           "limits:\n" +
                           limits,
                       "f", "");
}

Limits limits(const std::string& text) {
  const Result<Config> config = parse(text);
  EXPECT_TRUE(config) << text << "\n" << config.faults().front().text();
  return config ? config.value().limits : Limits();
}

std::string fault(const std::string& text) {
  const Result<Config> config = parse(text);
  return config ? "" : config.faults().front().text();
}

TEST(ConfigLimits, AreOffByDefault) {
  const Limits usual = limits("  sessions: 1\n");
  EXPECT_EQ(usual.connections_per_address.max, 0U);
  EXPECT_THAT(usual.allow, IsEmpty());
  EXPECT_THAT(usual.deny, IsEmpty());
}

TEST(ConfigLimits, ReadTheRateOfAnAddress) {
  const Limits minute = limits("  connections_per_address: {max: 7}\n");
  EXPECT_EQ(minute.connections_per_address.max, 7U);
  EXPECT_EQ(minute.connections_per_address.per_ms, 60'000U);
  const Limits other = limits("  connections_per_address: {max: 7, per: 500ms}\n");
  EXPECT_EQ(other.connections_per_address.per_ms, 500U);
  EXPECT_THAT(fault("  connections_per_address: {per: 1m}\n"), HasSubstr("max: is missing"));
  EXPECT_THAT(fault("  connections_per_address: {max: 0}\n"), HasSubstr("1 to 1000000"));
  EXPECT_THAT(fault("  connections_per_address: {max: 1, per: 25h}\n"), HasSubstr("24h"));
  EXPECT_THAT(fault("  connections_per_address: 5\n"), HasSubstr("allowed is map"));
}

TEST(ConfigLimits, ReadASizeOfMemory) {
  EXPECT_EQ(limits("  sessions: 1\n").memory, 0U);
  EXPECT_EQ(limits("  memory: 32MiB\n").memory, 32 * kMiB);
  EXPECT_EQ(limits("  memory: 65536KiB\n").memory, 64 * kMiB);
  EXPECT_EQ(limits("  memory: 1024GiB\n").memory, size_t{1} << 40);
  for (const char* wrong : {"31MiB", "1025GiB", "64", "64MB", "64 MiB", "MiB", "-1GiB", "064MiB",
                            "18446744073709551615GiB", "99999999999999999999GiB", "1.5GiB"}) {
    EXPECT_THAT(fault(std::string("  memory: ") + wrong + "\n"), HasSubstr("is not a size"))
        << wrong;
  }
}

TEST(ConfigLimits, ReadListsOfNetworks) {
  const Limits lists = limits("  allow: [10.0.0.0/8, '2001:db8::/32']\n  deny: [10.1.2.3]\n");
  ASSERT_EQ(lists.allow.size(), 2U);
  EXPECT_EQ(lists.allow[1].text(), "2001:db8::/32");
  ASSERT_EQ(lists.deny.size(), 1U);
  EXPECT_EQ(lists.deny[0].text(), "10.1.2.3/32");
  EXPECT_THAT(limits("  deny: []\n").deny, IsEmpty());
}

TEST(ConfigLimits, NameAnInvalidNetwork) {
  EXPECT_THAT(fault("  deny: [10.0.0.1/8]\n"), HasSubstr("f:5: limits.deny[0]: "));
  EXPECT_THAT(fault("  deny: [10.0.0.1/8]\n"), HasSubstr("write 10.0.0.0/8"));
  EXPECT_THAT(fault("  deny: [\"mail\\e[2J\"]\n"), HasSubstr("is not a network"));
  EXPECT_THAT(fault("  deny: [\"mail\\e[2J\"]\n"), testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(fault("  allow: []\n"), HasSubstr("has 0 entries"))
      << "an empty list would admit no client";
}

TEST(ConfigLimits, CountFailedLoginsOnlyIfConfigured) {
  EXPECT_FALSE(limits("  sessions: 1\n").login_failures.has_value());
  const auto usual = limits("  login_failures: {}\n").login_failures;
  ASSERT_TRUE(usual.has_value());
  EXPECT_EQ(usual->max, LoginFailures().max);
  const auto own =
      limits(
          "  login_failures: {max: 3, per: 1s, ban: 1h, delay: 0s, longest_delay: 2s,\n"
          "                   exempt: [10.0.0.0/8]}\n")
          .login_failures;
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->max, 3U);
  EXPECT_EQ(own->per_ms, 1'000U);
  EXPECT_EQ(own->ban_ms, 3'600'000U);
  EXPECT_EQ(own->delay_ms, 0U);
  EXPECT_EQ(own->longest_delay_ms, 2'000U);
  ASSERT_EQ(own->exempt.size(), 1U);
  EXPECT_THAT(fault("  login_failures: {max: 0}\n"), HasSubstr("1 to 200"));
  EXPECT_THAT(fault("  login_failures: {max: 201}\n"), HasSubstr("1 to 200"));
  EXPECT_THAT(fault("  login_failures: {per: 999ms}\n"), HasSubstr("from 1s to 24h"));
  EXPECT_THAT(fault("  login_failures: {exempt: [webmail]}\n"), HasSubstr("is not a network"));
}

TEST(ConfigLimits, ReadAListenersSessions) {
  const Result<Config> config = parse("  sessions: 9\n", ", sessions: 5");
  ASSERT_TRUE(config);
  EXPECT_EQ(config.value().listeners[0].sessions, 5U);
  EXPECT_FALSE(parse("  sessions: 9\n", ", sessions: 0"));
}

}  // namespace
}  // namespace postern
