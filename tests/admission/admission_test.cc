#include "proxy/admission/admission.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_config.h"

namespace postern {
namespace {

using SessionPermit = Admission::SessionPermit;

net::Address from(const std::string& text) {
  return net::Address::parse(text).value();
}

// An admission and its configuration, with two listeners.
struct Gate {
  explicit Gate(const Limits& limits) { set_limits(limits); }
  void set_limits(const Limits& limits) { config.limits = limits; }

  // Both steps of admission.
  std::variant<SessionPermit, Refusal> ask(const std::string& client, size_t listener = 0) {
    auto admitted = admission.admit_session(config, listener);
    if (auto* permit = std::get_if<SessionPermit>(&admitted)) {
      const auto objection = admission.admit_address(*permit, config.limits, from(client), now_ms);
      if (objection.has_value()) {
        return *objection;
      }
    }
    return admitted;
  }
  // The permit, or a failed test.
  SessionPermit admit(const std::string& client, size_t listener = 0) {
    auto admitted = ask(client, listener);
    EXPECT_TRUE(std::holds_alternative<SessionPermit>(admitted)) << client;
    SessionPermit* permit = std::get_if<SessionPermit>(&admitted);
    return permit != nullptr ? std::move(*permit) : SessionPermit();
  }
  // Why the client is refused; nullopt if it is admitted.
  std::optional<Refusal> refusal(const std::string& client, size_t listener = 0) {
    const auto admitted = ask(client, listener);
    const Refusal* reason = std::get_if<Refusal>(&admitted);
    return reason != nullptr ? std::optional(*reason) : std::nullopt;
  }
  // A permit for a handshake, if there is one.
  std::optional<Admission::HandshakePermit> shake(const SessionPermit& session) {
    auto admitted = admission.admit_handshake(session, config.limits);
    auto* permit = std::get_if<Admission::HandshakePermit>(&admitted);
    return permit != nullptr ? std::optional(std::move(*permit)) : std::nullopt;
  }
  // The limit that refuses one.
  std::optional<Refusal> shake_limit(const SessionPermit& session) {
    const auto admitted = admission.admit_handshake(session, config.limits);
    const auto* limit = std::get_if<Refusal>(&admitted);
    return limit != nullptr ? std::optional(*limit) : std::nullopt;
  }

  Config config = test::gateway_config({});
  Admission admission;
  uint64_t now_ms = 1'000'000;
};

Limits limits(size_t sessions, size_t per_address, size_t handshakes = 10) {
  Limits all;
  all.sessions = sessions;
  all.sessions_per_address = per_address;
  all.handshakes_in_flight = handshakes;
  return all;
}

std::vector<net::Network> networks(const std::vector<std::string>& texts) {
  std::vector<net::Network> all;
  for (const std::string& text : texts) {
    all.push_back(net::Network::parse(text).value());
  }
  return all;
}

TEST(Admission, RefusesClientsWhenAllSessionsAreInUse) {
  Gate gate(limits(2, 10));
  const SessionPermit first = gate.admit("192.0.2.1:1");
  const SessionPermit second = gate.admit("192.0.2.2:1");
  EXPECT_EQ(gate.refusal("192.0.2.3:1"), Refusal::LimitSessions);
  EXPECT_EQ(gate.admission.sessions(), 2U);
}

TEST(Admission, RefusesWhatTheDescriptorsHaveNoRoomFor) {
  Gate gate(limits(9, 10));
  gate.admission.bound_sessions(1);
  {
    const SessionPermit only = gate.admit("192.0.2.1:1");
    EXPECT_EQ(gate.refusal("192.0.2.2:1"), Refusal::LimitDescriptors);
  }
  gate.admission.bound_sessions(99);
  EXPECT_EQ(gate.admission.most_sessions(limits(9, 10)), 9U);
}

TEST(Admission, RefusesOnlyTheAddressThatHasItsShare) {
  Gate gate(limits(10, 1));
  const SessionPermit permit = gate.admit("192.0.2.1:1");
  EXPECT_EQ(gate.refusal("192.0.2.1:2"), Refusal::LimitAddress);
  EXPECT_EQ(gate.refusal("192.0.2.2:1"), std::nullopt);
  EXPECT_EQ(gate.admission.sessions(), 1U) << "a refusal keeps no place";
}

TEST(Admission, CountsNoAddressUntilItIsKnown) {
  Gate gate(limits(3, 1));
  std::optional<SessionPermit> proxied(
      std::get<SessionPermit>(gate.admission.admit_session(gate.config, 0)));
  const auto other = gate.admission.admit_session(gate.config, 0);
  EXPECT_EQ(gate.admission.sessions(), 2U);
  EXPECT_EQ(gate.admission.admit_address(*proxied, gate.config.limits, from("192.0.2.1:1"), 1),
            std::nullopt);
  EXPECT_EQ(gate.refusal("192.0.2.1:2"), Refusal::LimitAddress);
  proxied.reset();
  EXPECT_EQ(gate.refusal("192.0.2.1:2"), std::nullopt);
  EXPECT_EQ(gate.admission.sessions(), 1U);
}

TEST(Admission, CountsIPv6ClientsByTheirSlash64) {
  Gate gate(limits(10, 1));
  const SessionPermit permit = gate.admit("[2001:db8:0:1::1]:1");
  EXPECT_EQ(gate.refusal("[2001:db8:0:1:ffff:ffff:ffff:ffff]:1"), Refusal::LimitAddress);
  EXPECT_EQ(gate.refusal("[2001:db8:0:2::1]:1"), std::nullopt);
}

TEST(Admission, CountsAMappedAddressAsItsIPv4Address) {
  Gate gate(limits(10, 1));
  const SessionPermit permit = gate.admit("[::ffff:192.0.2.1]:1");
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitAddress);
  EXPECT_EQ(gate.refusal("[::ffff:192.0.2.2]:1"), std::nullopt);
}

TEST(Admission, KeepsIPv4AndIPv6Apart) {
  Gate gate(limits(10, 1));
  const SessionPermit v4 = gate.admit("0.0.0.1:1");
  EXPECT_EQ(gate.refusal("[0:0:0:1::]:1"), std::nullopt);
}

TEST(Admission, ReleasesASlotWithItsPermit) {
  Gate gate(limits(1, 1));
  { const SessionPermit permit = gate.admit("192.0.2.1:1"); }
  EXPECT_EQ(gate.admission.sessions(), 0U);
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt);
}

TEST(Admission, ReleasesASlotOnceAfterManyMovesOfThePermit) {
  Gate gate(limits(2, 2));
  const SessionPermit other = gate.admit("192.0.2.1:1");
  {
    SessionPermit first = gate.admit("192.0.2.1:2");
    SessionPermit second(std::move(first));
    const SessionPermit third(std::move(second));
    EXPECT_EQ(gate.admission.sessions(), 2U);
  }
  EXPECT_EQ(gate.admission.sessions(), 1U);
}

TEST(Admission, AppliesLoweredLimitsToNewSessionsOnly) {
  Gate gate(limits(10, 10));
  std::vector<SessionPermit> living;
  for (int i = 0; i < 3; ++i) {
    living.push_back(gate.admit("192.0.2.1:1"));
  }
  gate.set_limits(limits(10, 2));
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitAddress);
  gate.set_limits(limits(3, 10));
  EXPECT_EQ(gate.refusal("192.0.2.2:1"), Refusal::LimitSessions);
  living.pop_back();
  EXPECT_EQ(gate.refusal("192.0.2.2:1"), std::nullopt);
}

TEST(Admission, LimitsHandshakesInFlight) {
  Gate gate(limits(10, 10, 2));
  const SessionPermit session = gate.admit("192.0.2.1:1");
  auto first = gate.shake(session);
  const auto second = gate.shake(session);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(gate.shake_limit(session), Refusal::LimitHandshakes);
  first->release();
  first->release();  // the second call does nothing
  EXPECT_TRUE(gate.shake(session));
  EXPECT_TRUE(gate.shake(session)) << "the permit above is released";
}

TEST(Admission, KeepsHandshakesFreeForOtherAddresses) {
  Gate gate(limits(10, 10, 3));
  gate.config.limits.handshakes_per_address = 2;
  const SessionPermit greedy = gate.admit("192.0.2.1:1");
  const SessionPermit other = gate.admit("192.0.2.2:1");
  auto first = gate.shake(greedy);
  const auto second = gate.shake(greedy);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(gate.shake_limit(greedy), Refusal::LimitHandshakesOfAddress);
  EXPECT_TRUE(gate.shake(other)) << "a refusal keeps no place";
  first->release();
  EXPECT_TRUE(gate.shake(greedy));
}

TEST(Admission, MovesAHandshakePermitWithoutLosingIt) {
  Gate gate(limits(10, 10, 1));
  const SessionPermit session = gate.admit("192.0.2.1:1");
  Admission::HandshakePermit kept;
  {
    auto permit = gate.shake(session);
    ASSERT_TRUE(permit);
    kept = std::move(*permit);
  }
  EXPECT_FALSE(gate.shake(session));
  kept.release();
  EXPECT_TRUE(gate.shake(session));
}

TEST(Admission, CountsTheSessionsOfEachListenerSeparately) {
  Gate gate(limits(10, 10));
  gate.config.listeners[0].sessions = 1;
  const SessionPermit permit = gate.admit("192.0.2.1:1", 0);
  EXPECT_EQ(gate.refusal("192.0.2.2:1", 0), Refusal::LimitListener);
  EXPECT_EQ(gate.refusal("192.0.2.2:1", 1), std::nullopt);
  EXPECT_EQ(gate.admission.sessions(), 1U) << "a refusal keeps no place";
  gate.config.listeners[0].sessions = 2;  // a reload
  const SessionPermit second = gate.admit("192.0.2.1:1", 0);
  EXPECT_EQ(gate.refusal("192.0.2.2:1", 0), Refusal::LimitListener);
}

TEST(Admission, ReleasesAListenersSlotWithItsPermit) {
  Gate gate(limits(10, 10));
  gate.config.listeners[1].sessions = 1;
  { const SessionPermit permit = gate.admit("192.0.2.1:1", 1); }
  EXPECT_EQ(gate.refusal("192.0.2.2:1", 1), std::nullopt);
}

TEST(Admission, LetsOnlyAllowedNetworksIn) {
  Gate gate(limits(10, 10));
  gate.config.limits.allow = networks({"192.0.2.0/25", "2001:db8::/32"});
  EXPECT_EQ(gate.refusal("192.0.2.127:1"), std::nullopt);
  EXPECT_EQ(gate.refusal("192.0.2.128:1"), Refusal::Denied);
  EXPECT_EQ(gate.refusal("[2001:db8:ffff::1]:1"), std::nullopt);
  EXPECT_EQ(gate.refusal("[2001:db9::1]:1"), Refusal::Denied);
  EXPECT_EQ(gate.admission.sessions(), 0U) << "a refusal keeps no place";
}

TEST(Admission, LetsNoDeniedNetworkIn) {
  Gate gate(limits(10, 10));
  gate.config.limits.deny = networks({"192.0.2.1"});
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::Denied);
  EXPECT_EQ(gate.refusal("[::ffff:192.0.2.1]:1"), Refusal::Denied) << "the same machine";
  EXPECT_EQ(gate.refusal("192.0.2.2:1"), std::nullopt);
  gate.config.limits.allow = networks({"192.0.2.0/24"});
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::Denied) << "deny overrides allow";
  EXPECT_EQ(gate.refusal("192.0.2.2:1"), std::nullopt);
}

TEST(Admission, LimitsHowOftenAnAddressConnects) {
  Gate gate(limits(10, 10));
  gate.config.limits.connections_per_address = {.max = 3, .per_ms = 60'000};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt) << i;
  }
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitRate);
  EXPECT_EQ(gate.refusal("192.0.2.2:1"), std::nullopt) << "another address";
  gate.now_ms += 19'999;
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitRate);
  gate.now_ms += 1;
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt) << "refusals do not count";
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitRate);
  gate.now_ms += 60'000;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt) << "the whole allowance is back";
  }
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitRate);
}

TEST(Admission, LimitsHowOftenASlash64Connects) {
  Gate gate(limits(10, 10));
  gate.config.limits.connections_per_address = {.max = 1, .per_ms = 1'000};
  EXPECT_EQ(gate.refusal("[2001:db8:0:1::1]:1"), std::nullopt);
  EXPECT_EQ(gate.refusal("[2001:db8:0:1::2]:1"), Refusal::LimitRate);
  EXPECT_EQ(gate.refusal("[2001:db8:0:2::1]:1"), std::nullopt);
}

TEST(Admission, AppliesANewRateAtOnce) {
  Gate gate(limits(10, 10));
  gate.config.limits.connections_per_address = {.max = 1, .per_ms = 3'600'000};
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt);
  gate.config.limits.connections_per_address = {.max = 1, .per_ms = 1'000};
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), Refusal::LimitRate);
  gate.now_ms += 1'000;
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt) << "the wait is not an hour";
  gate.config.limits.connections_per_address = {};
  EXPECT_EQ(gate.refusal("192.0.2.1:1"), std::nullopt);
}

TEST(Admission, NeverAdmitsTooManyFromManyThreads) {
  constexpr size_t kSessions = 20;
  constexpr size_t kPerAddress = 7;
  Gate gate(limits(kSessions, kPerAddress, 3));
  std::atomic<size_t> inside{0};
  std::atomic<size_t> of_one_address{0};
  std::atomic<size_t> shaking{0};
  std::atomic<size_t> admitted_in_all{0};
  const auto visit = [&](bool one_address, int thread) {
    for (int i = 0; i < 500; ++i) {
      const std::string client =
          one_address ? "192.0.2.1:1" : "198.51.100." + std::to_string(thread) + ":1";
      const auto admitted = gate.ask(client);
      const SessionPermit* permit = std::get_if<SessionPermit>(&admitted);
      if (permit == nullptr) {
        continue;
      }
      ++admitted_in_all;
      EXPECT_LE(++inside, kSessions);
      if (one_address) {
        EXPECT_LE(++of_one_address, kPerAddress);
      }
      if (const auto handshake = gate.shake(*permit)) {
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
  EXPECT_EQ(gate.admission.sessions(), 0U);
  EXPECT_TRUE(gate.shake(gate.admit("192.0.2.1:1")));
}

TEST(Admission, KnowsWhoHasBannedAnAddress) {
  Limits limits;
  limits.login_failures = LoginFailures();
  Gate gate(limits);
  gate.admission.logins().ban(from("192.0.2.1:7"), gate.now_ms + 60'000, gate.now_ms, true);
  gate.admission.logins().ban(from("192.0.2.2:7"), gate.now_ms + 60'000, gate.now_ms, false);
  EXPECT_EQ(gate.refusal("192.0.2.1:7"), Refusal::BannedByHand);
  EXPECT_EQ(gate.refusal("192.0.2.2:7"), Refusal::Banned);
}

}  // namespace
}  // namespace postern
