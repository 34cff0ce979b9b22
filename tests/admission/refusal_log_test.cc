#include "proxy/admission/refusal_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "tests/support/logged.h"

namespace postern {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const RefusalLimit kLimit{"limits.some", "7"};

class RefusalLogTest : public testing::Test {
 protected:
  RefusalLogTest() { log::configure(log::Format::Text, log::Level::Warn); }
  ~RefusalLogTest() override { log::configure(log::Format::Text, log::Level::Info); }

  std::vector<std::string> refuse(const std::string& ip, Refusal reason, int times = 1) {
    return test::logged([&] {
      for (int i = 0; i < times; ++i) {
        refusals.refused("[::]:993", net::Address::parse(ip + ":7").value(), reason, kLimit,
                         now_ms);
      }
    });
  }
  std::vector<std::string> reported() {
    return test::logged([&] { refusals.report(now_ms); });
  }

  uint64_t now_ms = 5'000'000;
  RefusalLog refusals;
};

TEST_F(RefusalLogTest, LogsTheFirstAtOnceAndTheOthersTogether) {
  EXPECT_THAT(refuse("192.0.2.1", Refusal::LimitRate, 1000),
              ElementsAre(HasSubstr("session refused listener=[::]:993 client=192.0.2.1:7 "
                                    "reason=limit_rate setting=limits.some limit=7")));
  now_ms += RefusalLog::kIntervalMs - 1;
  EXPECT_THAT(reported(), IsEmpty());
  now_ms += 1;
  EXPECT_THAT(reported(),
              ElementsAre(HasSubstr(
                  "more sessions refused client=192.0.2.1:7 reason=limit_rate count=999")));
  EXPECT_THAT(reported(), IsEmpty()) << "once";
}

TEST_F(RefusalLogTest, SeparatesAddressesAndReasons) {
  EXPECT_EQ(refuse("192.0.2.1", Refusal::LimitRate).size(), 1U);
  EXPECT_EQ(refuse("192.0.2.1", Refusal::Denied).size(), 1U);
  EXPECT_EQ(refuse("192.0.2.2", Refusal::Denied).size(), 1U);
  EXPECT_THAT(refuse("192.0.2.2", Refusal::Denied), IsEmpty());
  now_ms += RefusalLog::kIntervalMs;
  EXPECT_THAT(reported(), ElementsAre(HasSubstr("client=192.0.2.2:7 reason=denied count=1")));
}

TEST_F(RefusalLogTest, LogsLoginsSeparately) {
  log::configure(log::Format::Text, log::Level::Info);
  const auto refuse_logins = [&](const char* result, int times) {
    return test::logged([&] {
      for (int i = 0; i < times; ++i) {
        refusals.login_refused("[::]:993", net::Address::parse("192.0.2.1:7").value(), "plain",
                               result, Cause::LoginExpired, "mail.internal:143", now_ms);
      }
    });
  };
  EXPECT_THAT(refuse_logins("expired", 3),
              ElementsAre(HasSubstr(
                  "info  login refused listener=[::]:993 client=192.0.2.1:7 "
                  "mechanism=plain result=expired server=mail.internal:143 cause=login_expired")));
  EXPECT_EQ(refuse_logins("denied", 1).size(), 1U);
  EXPECT_EQ(refuse("192.0.2.1", Refusal::Denied).size(), 1U) << "a session";
  now_ms += RefusalLog::kIntervalMs;
  EXPECT_THAT(
      reported(),
      ElementsAre(HasSubstr("more logins refused client=192.0.2.1:7 result=expired count=2")));
}

TEST_F(RefusalLogTest, StartsAgainAfterAMinute) {
  refuse("192.0.2.1", Refusal::LimitRate, 3);
  now_ms += RefusalLog::kIntervalMs;
  EXPECT_THAT(refuse("192.0.2.1", Refusal::LimitRate, 2),
              ElementsAre(HasSubstr("count=2"), HasSubstr("session refused")));
}

TEST_F(RefusalLogTest, StaysBoundedUnderAFlood) {
  const auto lines = test::logged([&] {
    for (size_t i = 0; i < 2 * RefusalLog::kMost; ++i) {
      const std::string ip = "198.51." + std::to_string(i / 256) + "." + std::to_string(i % 256);
      refusals.refused("l", net::Address::parse(ip + ":7").value(), Refusal::Denied, kLimit,
                       now_ms);
    }
  });
  EXPECT_LE(lines.size(), RefusalLog::kMost);
  now_ms += RefusalLog::kIntervalMs;
  EXPECT_THAT(reported(), testing::Contains(HasSubstr("client=others count=1024")));
}

TEST_F(RefusalLogTest, LogsTheRestWhenDestroyed) {
  const auto lines = test::logged([] {
    RefusalLog short_lived;
    const net::Address client = net::Address::parse("192.0.2.9:7").value();
    short_lived.refused("l", client, Refusal::LimitSessions, kLimit, 0);
    short_lived.refused("l", client, Refusal::LimitSessions, kLimit, 0);
  });
  EXPECT_THAT(lines,
              testing::Contains(HasSubstr("client=192.0.2.9:7 reason=limit_sessions count=1")));
}

// The names are those of the configuration.
TEST(RefusalLimit, NamesTheSettingAndItsValue) {
  Config config;
  config.listeners.emplace_back().sessions = 7;
  config.limits.sessions = 9;
  config.limits.connections_per_address = {.max = 30, .per_ms = 60'000};
  config.limits.handshakes_in_flight = 50;
  config.limits.handshakes_per_address = 5;
  config.limits.memory = 1'000'000;
  config.limits.login_failures = LoginFailures{.max = 3};
  config.limits.deny = {net::Network::parse("192.0.2.0/24").value()};
  const auto text = [&](Refusal refusal, const char* client = "198.51.100.1:7") {
    const RefusalLimit limit = limit_of(refusal, config, 8, 0, net::Address::parse(client).value());
    return limit.setting + std::string("=") + limit.value;
  };
  EXPECT_EQ(text(Refusal::LimitSessions), "limits.sessions=9");
  EXPECT_EQ(text(Refusal::LimitDescriptors), "LimitNOFILE=8 sessions");
  EXPECT_EQ(text(Refusal::LimitAddress), "limits.sessions_per_address=1000");
  EXPECT_EQ(text(Refusal::LimitListener), "listeners[].sessions=7");
  EXPECT_EQ(text(Refusal::LimitRate), "limits.connections_per_address=30 in 60s");
  config.limits.connections_per_address.per_ms = 500;
  EXPECT_EQ(text(Refusal::LimitRate), "limits.connections_per_address=30 in 500ms");
  EXPECT_EQ(text(Refusal::LimitHandshakes), "limits.handshakes_in_flight=50");
  EXPECT_EQ(text(Refusal::LimitHandshakesOfAddress), "limits.handshakes_per_address=5");
  EXPECT_EQ(text(Refusal::LimitMemory), "limits.memory=1000000");
  EXPECT_EQ(text(Refusal::Banned), "limits.login_failures.max=3");
  EXPECT_EQ(text(Refusal::BannedByHand), "postern admin ban=");
  EXPECT_EQ(text(Refusal::Denied, "192.0.2.1:7"), "limits.deny=");
  EXPECT_EQ(text(Refusal::Denied), "limits.allow=");
}

}  // namespace
}  // namespace postern
