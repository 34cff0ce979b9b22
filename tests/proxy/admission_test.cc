#include "proxy/admission.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

using SessionPermit = Admission::SessionPermit;

net::Address from(const std::string& text) {
  return net::Address::parse(text).value();
}

Limits limits(size_t sessions, size_t per_address, size_t handshakes = 10) {
  return {.sessions = sessions,
          .sessions_per_address = per_address,
          .handshakes_in_flight = handshakes};
}

// The permit, or a failed test.
SessionPermit admit(Admission& admission, const std::string& client) {
  std::optional<SessionPermit> permit = admission.admit_session();
  EXPECT_TRUE(permit && !admission.admit_address(*permit, from(client))) << client;
  return permit ? std::move(*permit) : SessionPermit();
}

// Why the client is refused; nothing if it is not.
std::optional<EndReason> refusal(Admission& admission, const std::string& client) {
  std::optional<SessionPermit> permit = admission.admit_session();
  return permit ? admission.admit_address(*permit, from(client)) : EndReason::LimitSessions;
}

TEST(Admission, RefusesWhenAllSessionsAreTaken) {
  Admission admission(limits(2, 10));
  const SessionPermit first = admit(admission, "192.0.2.1:1");
  const SessionPermit second = admit(admission, "192.0.2.2:1");
  EXPECT_EQ(refusal(admission, "192.0.2.3:1"), EndReason::LimitSessions);
  EXPECT_EQ(admission.sessions(), 2U);
}

TEST(Admission, RefusesAnAddressThatHasItsShareAndNoOther) {
  Admission admission(limits(10, 1));
  const SessionPermit permit = admit(admission, "192.0.2.1:1");
  EXPECT_EQ(refusal(admission, "192.0.2.1:2"), EndReason::LimitAddress);
  EXPECT_EQ(refusal(admission, "192.0.2.2:1"), std::nullopt);
  EXPECT_EQ(admission.sessions(), 1U) << "a refusal keeps no place";
}

TEST(Admission, CountsNoAddressUntilItIsKnown) {
  Admission admission(limits(3, 1));
  std::optional<SessionPermit> proxied = admission.admit_session();
  const std::optional<SessionPermit> other = admission.admit_session();
  ASSERT_TRUE(proxied && other);
  EXPECT_EQ(admission.sessions(), 2U);
  EXPECT_EQ(admission.admit_address(*proxied, from("192.0.2.1:1")), std::nullopt);
  EXPECT_EQ(refusal(admission, "192.0.2.1:2"), EndReason::LimitAddress);
  proxied.reset();
  EXPECT_EQ(refusal(admission, "192.0.2.1:2"), std::nullopt);
  EXPECT_EQ(admission.sessions(), 1U);
}

TEST(Admission, CountsIPv6ClientsByTheirSlash64) {
  Admission admission(limits(10, 1));
  const SessionPermit permit = admit(admission, "[2001:db8:0:1::1]:1");
  EXPECT_EQ(refusal(admission, "[2001:db8:0:1:ffff:ffff:ffff:ffff]:1"), EndReason::LimitAddress);
  EXPECT_EQ(refusal(admission, "[2001:db8:0:2::1]:1"), std::nullopt);
}

TEST(Admission, CountsAMappedAddressAsTheIPv4AddressItIs) {
  Admission admission(limits(10, 1));
  const SessionPermit permit = admit(admission, "[::ffff:192.0.2.1]:1");
  EXPECT_EQ(refusal(admission, "192.0.2.1:1"), EndReason::LimitAddress);
  EXPECT_EQ(refusal(admission, "[::ffff:192.0.2.2]:1"), std::nullopt);
}

TEST(Admission, KeepsIPv4AndIPv6Apart) {
  Admission admission(limits(10, 1));
  const SessionPermit v4 = admit(admission, "0.0.0.1:1");
  EXPECT_EQ(refusal(admission, "[0:0:0:1::]:1"), std::nullopt);
}

TEST(Admission, GivesAPlaceBackWhenThePermitGoes) {
  Admission admission(limits(1, 1));
  { const SessionPermit permit = admit(admission, "192.0.2.1:1"); }
  EXPECT_EQ(admission.sessions(), 0U);
  EXPECT_EQ(refusal(admission, "192.0.2.1:1"), std::nullopt);
}

TEST(Admission, GivesAPlaceBackOnceHoweverOftenThePermitMoves) {
  Admission admission(limits(2, 2));
  const SessionPermit other = admit(admission, "192.0.2.1:1");
  {
    SessionPermit first = admit(admission, "192.0.2.1:2");
    SessionPermit second(std::move(first));
    const SessionPermit third(std::move(second));
    EXPECT_EQ(admission.sessions(), 2U);
  }
  EXPECT_EQ(admission.sessions(), 1U);
}

TEST(Admission, AppliesLoweredLimitsToNewSessionsOnly) {
  Admission admission(limits(10, 10));
  std::vector<SessionPermit> living;
  for (int i = 0; i < 3; ++i) {
    living.push_back(admit(admission, "192.0.2.1:1"));
  }
  admission.set_limits(limits(10, 2));
  EXPECT_EQ(refusal(admission, "192.0.2.1:1"), EndReason::LimitAddress);
  admission.set_limits(limits(3, 10));
  EXPECT_EQ(refusal(admission, "192.0.2.2:1"), EndReason::LimitSessions);
  living.pop_back();
  EXPECT_EQ(refusal(admission, "192.0.2.2:1"), std::nullopt);
  EXPECT_EQ(admission.sessions_limit(), 3U);
}

TEST(Admission, LimitsHandshakesInFlight) {
  Admission admission(limits(10, 10, 2));
  auto first = admission.admit_handshake();
  const auto second = admission.admit_handshake();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(admission.admit_handshake());
  first->release();
  first->release();  // once is enough
  EXPECT_TRUE(admission.admit_handshake());
  EXPECT_TRUE(admission.admit_handshake()) << "the permit above has gone again";
}

TEST(Admission, MovesAHandshakePermitWithoutLosingIt) {
  Admission admission(limits(10, 10, 1));
  Admission::HandshakePermit kept;
  {
    auto permit = admission.admit_handshake();
    ASSERT_TRUE(permit);
    kept = std::move(*permit);
  }
  EXPECT_FALSE(admission.admit_handshake());
  kept.release();
  EXPECT_TRUE(admission.admit_handshake());
}

TEST(Admission, NeverAdmitsTooManyWhenManyThreadsAsk) {
  constexpr size_t kSessions = 20;
  constexpr size_t kPerAddress = 7;
  Admission admission(limits(kSessions, kPerAddress, 3));
  std::atomic<size_t> inside{0};
  std::atomic<size_t> of_one_address{0};
  std::atomic<size_t> shaking{0};
  std::atomic<size_t> admitted_in_all{0};
  const auto visit = [&](bool one_address, int thread) {
    for (int i = 0; i < 500; ++i) {
      const std::string client =
          one_address ? "192.0.2.1:1" : "198.51.100." + std::to_string(thread) + ":1";
      auto permit = admission.admit_session();
      if (!permit || admission.admit_address(*permit, from(client))) {
        continue;
      }
      ++admitted_in_all;
      EXPECT_LE(++inside, kSessions);
      if (one_address) {
        EXPECT_LE(++of_one_address, kPerAddress);
      }
      if (const auto handshake = admission.admit_handshake()) {
        EXPECT_LE(++shaking, 3U);
        --shaking;
      }
      of_one_address -= one_address ? 1 : 0;
      --inside;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(visit, i % 2 == 0, i);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(admitted_in_all, 0U);
  EXPECT_EQ(admission.sessions(), 0U);
  EXPECT_TRUE(admission.admit_handshake());
}

}  // namespace
}  // namespace postern
