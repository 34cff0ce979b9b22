// Attempts in flight: how many of an address may go at once, which ones wait, and which goes next.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/admission/login_guard.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using imap::LoginLeave;

constexpr uint64_t kAnna = 11;

net::Address at(const std::string& ip) {
  return net::Address::parse(ip + ":7").value();
}

// A client that wants to log in, and the turn that it was given.
struct Seeker final : LoginTurnObserver {
  void on_login_turn(LoginLeave given) override {
    EXPECT_TRUE(waits()) << "once";
    leave = given;
  }
  bool goes() const { return leave == LoginLeave::Go; }
  bool waits() const { return leave == LoginLeave::Wait; }
  bool refused() const { return leave == LoginLeave::Never; }

  LoginLeave leave = LoginLeave::Go;
  std::unique_ptr<LoginGuard::Attempt> attempt;
};

class LoginTurnsTest : public testing::Test {
 protected:
  LoginTurnsTest() { rules.max = 3; }
  ~LoginTurnsTest() override {
    seekers.clear();
    EXPECT_TRUE(test::run_to_end(loop));
  }

  Seeker& seek(const std::string& ip = "192.0.2.1") { return seek(rules, loop, ip); }
  Seeker& seek(const LoginFailures& by, net::Loop& on, const std::string& ip = "192.0.2.1") {
    Seeker& seeker = *seekers.emplace_back(std::make_unique<Seeker>());
    auto [leave, attempt] = guard.begin(by, at(ip), on, seeker);
    seeker.leave = leave;
    seeker.attempt = std::move(attempt);
    return seeker;
  }
  LoginGuard::Verdict fail(Seeker& seeker, uint64_t user = kAnna) {
    const auto verdict = guard.failed(rules, at("192.0.2.1"), user, loop.now_ms());
    seeker.attempt.reset();
    return verdict;
  }
  void succeed(Seeker& seeker, uint64_t user = kAnna) {
    guard.succeeded(rules, at("192.0.2.1"), user, loop.now_ms());
    seeker.attempt.reset();
  }
  // Delivers the turns that have been given.
  void turn() { loop.run_once(0); }

  LoginFailures rules;
  net::Loop loop;
  LoginGuard guard;
  std::vector<std::unique_ptr<Seeker>> seekers;
};

TEST_F(LoginTurnsTest, AllowsAsManyAtOnceAsWouldBanTheAddress) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(seek().goes()) << i;
  }
  EXPECT_TRUE(seek().waits());
  EXPECT_TRUE(seek("192.0.2.2").goes()) << "another address";
}

TEST_F(LoginTurnsTest, CountsFailuresAgainstTheAttemptsInFlight) {
  fail(seek());
  EXPECT_TRUE(seek().goes());
  EXPECT_TRUE(seek().goes());
  EXPECT_TRUE(seek().waits());
}

TEST_F(LoginTurnsTest, GivesTurnsInOrder) {
  Seeker& first = seek();
  Seeker& second = seek();
  seek();
  Seeker& fourth = seek();
  Seeker& fifth = seek();
  turn();
  EXPECT_TRUE(fourth.waits());
  succeed(second);
  turn();
  EXPECT_TRUE(fourth.goes());
  EXPECT_TRUE(fifth.waits());
  EXPECT_TRUE(seek().waits()) << "it is the last one";
  succeed(first);
  turn();
  EXPECT_TRUE(fifth.goes());
}

TEST_F(LoginTurnsTest, KeepsTheSlotOfAFailureUntilItIsForgiven) {
  Seeker& first = seek();
  Seeker& second = seek();
  seek();
  Seeker& fourth = seek();
  fail(first, kAnna);
  turn();
  EXPECT_TRUE(fourth.waits()) << "two in flight and one failure";
  succeed(second, kAnna);  // removes the attempt and the failure
  turn();
  EXPECT_TRUE(fourth.goes());
  EXPECT_TRUE(seek().goes());
  EXPECT_TRUE(seek().waits());
}

TEST_F(LoginTurnsTest, RefusesAllWaitingAttemptsAtABan) {
  Seeker* in_flight[] = {&seek(), &seek(), &seek()};
  Seeker& fourth = seek();
  Seeker& fifth = seek();
  Seeker& other = seek("192.0.2.2");
  fail(*in_flight[0]);
  fail(*in_flight[1]);
  turn();
  EXPECT_TRUE(fourth.waits());
  EXPECT_TRUE(fail(*in_flight[2]).ban_began);
  turn();
  EXPECT_TRUE(fourth.refused());
  EXPECT_TRUE(fifth.refused());
  EXPECT_TRUE(seek().refused()) << "and every later attempt";
  EXPECT_TRUE(other.goes());
}

TEST_F(LoginTurnsTest, RemovesAnAbandonedAttemptFromTheQueue) {
  Seeker& first = seek();
  seek();
  seek();
  Seeker& fourth = seek();
  Seeker& fifth = seek();
  fourth.attempt.reset();
  succeed(first);
  turn();
  EXPECT_TRUE(fifth.goes());
  EXPECT_TRUE(fourth.waits()) << "it gets no turn after it left";
}

TEST_F(LoginTurnsTest, PassesOnTheTurnOfAnAttemptThatIsGone) {
  Seeker& first = seek();
  seek();
  seek();
  Seeker& fourth = seek();
  Seeker& fifth = seek();
  succeed(first);
  fourth.attempt.reset();  // its turn is on its way
  turn();
  EXPECT_TRUE(fourth.waits());
  EXPECT_TRUE(fifth.goes());
}

TEST_F(LoginTurnsTest, NeverDelaysExemptNetworks) {
  rules.exempt = {net::Network::parse("192.0.2.0/24").value()};
  for (int i = 0; i < 100; ++i) {
    Seeker& seeker = seek();
    EXPECT_TRUE(seeker.goes());
    EXPECT_EQ(seeker.attempt, nullptr);
  }
}

TEST_F(LoginTurnsTest, SharesTheSlotsOfAnIPv6Network) {
  seek("[2001:db8:0:1::1]");
  seek("[2001:db8:0:1::2]");
  seek("[2001:db8:0:1::3]");
  EXPECT_TRUE(seek("[2001:db8:0:1:ffff::4]").waits());
  EXPECT_TRUE(seek("[2001:db8:0:2::1]").goes());
}

TEST_F(LoginTurnsTest, KeepsOneSlotWhenAReloadLowersTheLimit) {
  fail(seek());
  fail(seek());
  LoginFailures lower = rules;
  lower.max = 1;
  EXPECT_TRUE(seek(lower, loop).goes()) << "else no attempt's end would give the next one its turn";
  Seeker& waiting = seek(lower, loop);
  EXPECT_TRUE(waiting.waits());
  seekers[2]->attempt.reset();
  turn();
  EXPECT_TRUE(waiting.goes());
}

TEST_F(LoginTurnsTest, KeepsNothingOfAbandonedAttempts) {
  for (int round = 0; round < 3; ++round) {
    std::vector<Seeker*> crowd;
    for (int i = 0; i < 50; ++i) {
      crowd.push_back(&seek());
    }
    for (Seeker* seeker : crowd) {
      turn();
      EXPECT_TRUE(seeker->goes());
      seeker->attempt.reset();
    }
  }
  EXPECT_EQ(guard.entries(loop.now_ms()), 0U);
  EXPECT_EQ(guard.bytes(), 0U);
}

// Sessions of two workers that come and go at random: never more than `max` at once, and each one
// gets its turn.
TEST(LoginTurns, HoldAcrossWorkers) {
  constexpr int kEach = 400;
  LoginFailures rules;
  rules.max = 3;
  LoginGuard guard;
  std::atomic<int> in_flight{0};
  std::atomic<int> most{0};
  std::atomic<int> gone{0};

  struct Visitor final : LoginTurnObserver {
    void on_login_turn(LoginLeave leave) override {
      EXPECT_EQ(leave, LoginLeave::Go);
      go();
    }
    void go() {
      const int now = ++*in_flight;
      for (int seen = *most; now > seen && !most->compare_exchange_weak(seen, now);) {
      }
      ready = true;
    }
    std::atomic<int>* in_flight = nullptr;
    std::atomic<int>* most = nullptr;
    bool ready = false;
    std::unique_ptr<LoginGuard::Attempt> attempt;
  };
  const auto work = [&](int worker) {
    net::Loop loop;
    std::vector<std::unique_ptr<Visitor>> visitors;
    for (int i = 0; i < kEach; ++i) {
      Visitor& visitor = *visitors.emplace_back(std::make_unique<Visitor>());
      visitor.in_flight = &in_flight;
      visitor.most = &most;
      auto [leave, attempt] = guard.begin(rules, at("192.0.2.1"), loop, visitor);
      visitor.attempt = std::move(attempt);
      if (leave == LoginLeave::Go) {
        visitor.go();
      }
      if (i % 7 == worker) {
        visitors.back()->ready ? void(--in_flight) : void();
        visitors.pop_back();  // hangs up
        ++gone;
      }
    }
    const bool all = test::run_until(
        loop,
        [&] {
          std::erase_if(visitors, [&](const std::unique_ptr<Visitor>& visitor) {
            if (!visitor->ready) {
              return false;
            }
            --in_flight;
            ++gone;
            return true;
          });
          return visitors.empty();
        },
        60'000);
    EXPECT_TRUE(all);
    visitors.clear();
    EXPECT_TRUE(test::run_to_end(loop));
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(gone, 2 * kEach);
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 1);
}

}  // namespace
}  // namespace postern
