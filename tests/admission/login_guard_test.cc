#include "proxy/admission/login_guard.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

constexpr uint64_t kAnna = 11;
constexpr uint64_t kBert = 13;
constexpr uint64_t kUnknown = 0;

net::Address at(const std::string& ip) {
  return net::Address::parse(ip + ":7").value();
}

class LoginGuardTest : public testing::Test {
 protected:
  LoginGuardTest() {
    rules.max = 4;
    rules.per_ms = 80'000;  // slices of ten seconds
    rules.ban_ms = 60'000;
    rules.delay_ms = 100;
    rules.longest_delay_ms = 350;
  }
  LoginGuard::Verdict fail(uint64_t user = kAnna, const std::string& ip = "192.0.2.1") {
    return guard.failed(rules, at(ip), user, now_ms);
  }
  void succeed(uint64_t user = kAnna, const std::string& ip = "192.0.2.1") {
    guard.succeeded(rules, at(ip), user, now_ms);
  }
  bool banned(const std::string& ip = "192.0.2.1") { return guard.banned(rules, at(ip), now_ms); }

  LoginFailures rules;
  LoginGuard guard;
  uint64_t now_ms = 800'000'000;
};

TEST_F(LoginGuardTest, BansAtTheConfiguredNumberOfFailures) {
  for (size_t i = 1; i < rules.max; ++i) {
    const auto verdict = fail();
    EXPECT_TRUE(verdict.counted);
    EXPECT_EQ(verdict.failures, i);
    EXPECT_FALSE(verdict.banned || banned()) << i;
  }
  const auto last = fail();
  EXPECT_EQ(last.failures, rules.max);
  EXPECT_TRUE(last.banned && last.ban_began && banned());
  EXPECT_FALSE(banned("192.0.2.2"));
}

TEST_F(LoginGuardTest, ShowsTheBansThatLast) {
  EXPECT_TRUE(guard.bans(now_ms).empty());
  for (const std::string ip : {"192.0.2.1", "192.0.2.2"}) {
    for (size_t i = 0; i < rules.max; ++i) {
      fail(kAnna, ip);
    }
  }
  const auto bans = guard.bans(now_ms);
  ASSERT_EQ(bans.size(), 2U);
  EXPECT_EQ(bans[0].client.ip_text(), "192.0.2.2") << "the last one first";
  EXPECT_EQ(bans[0].until_ms, now_ms + rules.ban_ms);
  EXPECT_EQ(guard.active_bans(now_ms), bans.size());
  EXPECT_EQ(guard.active_bans(now_ms + rules.ban_ms), 0U);
  EXPECT_TRUE(guard.bans(now_ms + rules.ban_ms).empty());
}

TEST_F(LoginGuardTest, ShowsABoundedNumberOfBans) {
  for (size_t i = 0; i < LoginGuard::kListedBans + 10; ++i) {
    for (size_t k = 0; k < rules.max; ++k) {
      fail(kAnna, "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
    }
  }
  EXPECT_EQ(guard.bans(now_ms).size(), LoginGuard::kListedBans);
  EXPECT_EQ(guard.bans(now_ms, 7).size(), 7U);
}

TEST_F(LoginGuardTest, BansAndPardonsByHand) {
  guard.ban(at("192.0.2.1"), now_ms + 5'000, now_ms);
  EXPECT_TRUE(banned());
  EXPECT_TRUE(guard.banned(std::nullopt, at("192.0.2.1"), now_ms)) << "it needs no rules";
  EXPECT_TRUE(fail().banned);
  succeed();
  EXPECT_TRUE(guard.banned(std::nullopt, at("192.0.2.1"), now_ms));
  EXPECT_TRUE(guard.bans(now_ms).front().by_hand);
  EXPECT_TRUE(guard.lift(at("192.0.2.1"), now_ms));
  EXPECT_FALSE(banned());
  EXPECT_TRUE(guard.bans(now_ms).empty());
  EXPECT_FALSE(guard.lift(at("192.0.2.1"), now_ms));
  guard.ban(at("192.0.2.1"), now_ms + 5'000, now_ms);
  now_ms += 5'101;
  EXPECT_FALSE(banned());
  EXPECT_FALSE(guard.lift(at("192.0.2.1"), now_ms)) << "it is over already";
  EXPECT_EQ(fail().failures, 1U);
}

TEST_F(LoginGuardTest, PardonsWhomFailuresHaveBanned) {
  for (size_t i = 0; i < rules.max; ++i) {
    fail();
  }
  EXPECT_FALSE(guard.bans(now_ms).front().by_hand);
  EXPECT_FALSE(guard.banned(std::nullopt, at("192.0.2.1"), now_ms)) << "without rules";
  EXPECT_TRUE(guard.lift(at("192.0.2.1"), now_ms));
  EXPECT_FALSE(banned());
  EXPECT_EQ(fail().failures, 1U);
}

TEST_F(LoginGuardTest, BansTheNetworkOfAnIPv6Address) {
  guard.ban(at("[2001:db8:1:2:3::4]"), now_ms + 5'000, now_ms);
  EXPECT_TRUE(banned("[2001:db8:1:2::]"));
  EXPECT_FALSE(banned("[2001:db8:1:3::]"));
  EXPECT_EQ(LoginGuard::text_of(at("[2001:db8:1:2:3::4]")), "2001:db8:1:2::/64");
  EXPECT_EQ(LoginGuard::text_of(at("192.0.2.1")), "192.0.2.1");
  EXPECT_TRUE(guard.lift(at("[2001:db8:1:2::9]"), now_ms));
}

TEST_F(LoginGuardTest, CountsWhatChangesTheListOfBans) {
  const uint64_t before = guard.changes();
  fail();
  EXPECT_EQ(guard.changes(), before);
  guard.ban(at("192.0.2.2"), now_ms + 5'000, now_ms);
  EXPECT_EQ(guard.changes(), before + 1);
  guard.lift(at("192.0.2.3"), now_ms);
  EXPECT_EQ(guard.changes(), before + 1);
  guard.lift(at("192.0.2.2"), now_ms);
  EXPECT_EQ(guard.changes(), before + 2);
}

TEST_F(LoginGuardTest, EndsABanInTimeAndCountsFromZero) {
  for (size_t i = 0; i < rules.max; ++i) {
    fail();
  }
  now_ms += rules.ban_ms - 1;
  EXPECT_TRUE(banned());
  now_ms += 101;
  EXPECT_FALSE(banned());
  EXPECT_EQ(fail().failures, 1U) << "the failures before the ban no longer count";
}

TEST_F(LoginGuardTest, DoesNotExtendABan) {
  for (size_t i = 0; i < rules.max; ++i) {
    fail();
  }
  const auto more = fail();  // in a session from before the ban
  EXPECT_TRUE(more.counted && more.banned);
  EXPECT_FALSE(more.ban_began) << "it is reported once";
  now_ms += rules.ban_ms + 100;
  EXPECT_FALSE(banned()) << "and not made longer";
}

TEST_F(LoginGuardTest, AnswersEachFurtherFailureLater) {
  rules.max = 200;
  EXPECT_EQ(fail().delay_ms, 0U);
  EXPECT_EQ(fail().delay_ms, 100U);
  EXPECT_EQ(fail().delay_ms, 200U);
  EXPECT_EQ(fail().delay_ms, 350U) << "never longer than that";
  for (int i = 0; i < 150; ++i) {
    EXPECT_EQ(fail().delay_ms, 350U);
  }
  rules.delay_ms = 0;
  EXPECT_EQ(fail().delay_ms, 0U);
}

TEST_F(LoginGuardTest, ForgetsFailuresOlderThanTheWindow) {
  fail();
  now_ms += 30'000;
  EXPECT_EQ(fail().failures, 2U);
  now_ms += 40'000;
  EXPECT_EQ(fail().failures, 3U) << "70 of 80 seconds";
  now_ms += 10'000;
  EXPECT_EQ(fail().failures, 3U) << "the first has gone";
  now_ms += 80'100;
  EXPECT_EQ(fail().failures, 1U);
}

TEST_F(LoginGuardTest, NeverCountsFailuresOlderThanTheWindow) {
  for (uint64_t pause_ms : {26'667U, 40'001U, 80'000U}) {
    LoginGuard fresh;
    for (int i = 0; i < 100; ++i) {
      const auto verdict = fresh.failed(rules, at("192.0.2.1"), kAnna, now_ms);
      EXPECT_FALSE(verdict.banned) << i << " failures, one each " << pause_ms << " ms";
      now_ms += pause_ms;
    }
  }
}

TEST_F(LoginGuardTest, ForgivesFailuresAfterASuccess) {
  fail();
  fail();
  fail();
  succeed();
  EXPECT_EQ(guard.entries(now_ms), 0U);
  EXPECT_EQ(fail().failures, 1U);
}

TEST_F(LoginGuardTest, ForgivesFailuresInOtherSlices) {
  fail();
  now_ms += 25'000;
  fail();
  now_ms += 25'000;
  succeed();
  EXPECT_EQ(fail().failures, 1U);
}

TEST_F(LoginGuardTest, DoesNotForgiveGuessesAtOtherNames) {
  for (uint64_t user = 100; user < 103; ++user) {
    fail(user);
    succeed(kBert);  // the attacker's own account
  }
  EXPECT_TRUE(fail(103).banned);
}

TEST_F(LoginGuardTest, DoesNotForgiveFailuresWithoutAName) {
  fail(kUnknown);
  fail(kUnknown);
  succeed(kBert);
  EXPECT_EQ(fail(kAnna).failures, 3U);
  succeed(kUnknown);
  EXPECT_TRUE(fail(kAnna).banned) << "an account of one's own forgives nothing";
}

TEST_F(LoginGuardTest, DoesNotLiftABanForASuccess) {
  for (size_t i = 0; i < rules.max; ++i) {
    fail();
  }
  succeed();
  EXPECT_TRUE(banned());
}

TEST_F(LoginGuardTest, ForgivesNoOtherAddress) {
  fail(kAnna, "192.0.2.1");
  succeed(kAnna, "192.0.2.2");
  EXPECT_EQ(fail(kAnna, "192.0.2.1").failures, 2U);
}

TEST_F(LoginGuardTest, CountsIPv6ByItsSlash64) {
  fail(kAnna, "[2001:db8:0:1::1]");
  EXPECT_EQ(fail(kBert, "[2001:db8:0:1:ffff::2]").failures, 2U);
  EXPECT_EQ(fail(kBert, "[2001:db8:0:2::1]").failures, 1U);
  EXPECT_EQ(fail(kBert, "192.0.2.1").failures, 1U);
}

TEST_F(LoginGuardTest, KeepsOneEntryForAnAddressThatNamesNoUser) {
  fail(0);
  EXPECT_EQ(guard.entries(now_ms), 1U);
  fail(kAnna);
  EXPECT_EQ(guard.entries(now_ms), 2U);
}

TEST_F(LoginGuardTest, LeavesExemptNetworksAlone) {
  rules.exempt = {net::Network::parse("192.0.2.0/24").value()};
  for (int i = 0; i < 100; ++i) {
    const auto verdict = fail();
    EXPECT_FALSE(verdict.counted || verdict.banned);
    EXPECT_EQ(verdict.delay_ms, 0U);
  }
  EXPECT_EQ(guard.entries(now_ms), 0U);
  rules.exempt.clear();
  for (size_t i = 0; i < rules.max; ++i) {
    fail();
  }
  EXPECT_TRUE(banned());
  rules.exempt = {net::Network::parse("192.0.2.1").value()};  // a reload
  EXPECT_FALSE(banned()) << "at once";
}

TEST_F(LoginGuardTest, AppliesNewRulesAtOnce) {
  fail();
  fail();
  rules.max = 3;
  EXPECT_TRUE(fail().banned);
  fail(kAnna, "192.0.2.2");
  rules.per_ms = 8'000'000;  // slices of another length: the failures so far have no place
  EXPECT_EQ(fail(kAnna, "192.0.2.2").failures, 1U);
}

TEST_F(LoginGuardTest, ToleratesClocksThatAreALittleApart) {
  now_ms = 800'010'000;  // a slice begins
  fail();
  now_ms -= 1;
  EXPECT_EQ(fail().failures, 2U);
  now_ms += 1;
  EXPECT_EQ(fail().failures, 3U);
}

TEST_F(LoginGuardTest, ForgetsEverythingWithTime) {
  for (int i = 0; i < 1000; ++i) {
    fail(kAnna, "198.51.100." + std::to_string(i % 250));
  }
  EXPECT_GT(guard.entries(now_ms), 0U);
  now_ms += rules.per_ms + rules.ban_ms + 200;
  EXPECT_EQ(guard.entries(now_ms), 0U);
  EXPECT_EQ(guard.bytes(), 0U);
}

TEST_F(LoginGuardTest, HoldsAMillionAddressesInLessThan100MB) {
  constexpr uint32_t kAddresses = 1'000'000;
  const auto address = [](uint32_t number) {
    const uint8_t ip[4] = {static_cast<uint8_t>(10 + (number >> 24)),
                           static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                           static_cast<uint8_t>(number)};
    return net::Address::from_ip(ip, 7);
  };
  for (uint32_t i = 0; i < kAddresses; ++i) {
    guard.failed(rules, address(i), i + 1, now_ms);  // each with its own name
  }
  EXPECT_LT(guard.bytes(), 100'000'000U);
  size_t remembered = 0;
  for (uint32_t i = 0; i < kAddresses; ++i) {
    remembered += guard.failed(rules, address(i), i + 1, now_ms).failures == 2 ? 1 : 0;
  }
  EXPECT_GE(remembered, kAddresses * 99.9 / 100);
  RecordProperty("bytes", static_cast<int>(guard.bytes()));
  EXPECT_LT(guard.bytes(), 100'000'000U) << "however many addresses come";
}

TEST_F(LoginGuardTest, ServesManyThreads) {
  rules.max = 200;
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 40; ++i) {
        guard.failed(rules, at("192.0.2.1"), thread + 1, now_ms);
        guard.banned(rules, at("192.0.2.1"), now_ms);
        guard.succeeded(rules, at("192.0.2.2"), thread + 1, now_ms);
        guard.entries(now_ms);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(fail(99).failures, 161U);
}

}  // namespace
}  // namespace postern
