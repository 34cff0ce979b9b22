#include "proxy/pool/dns_cache.h"

#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/busy_pool.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using test::run_until;

const net::HostPort kKnown{"localhost", 143};
const net::HostPort kUnknown{"no-such-host.invalid", 143};

struct Waiter final : DnsCacheObserver {
  void on_addresses() override { ++reports; }
  void on_no_addresses(const Error& error) override {
    ++reports;
    failure = error;
    if (then) {
      then();
    }
  }
  int reports = 0;
  Error failure;
  std::function<void()> then;
};

struct DnsCacheTest : testing::Test {
  ~DnsCacheTest() override { EXPECT_TRUE(test::run_to_end(loop)); }
  bool ask(const net::HostPort& host, Waiter& waiter) { return addresses.ask(loop, host, waiter); }
  bool has_heard(const Waiter& waiter, int times = 1) {
    return run_until(loop, [&] { return waiter.reports == times; });
  }

  net::Loop loop;
  DnsCache addresses;
  const std::vector<net::Address> former{net::Address::parse("192.0.2.1:143").value()};
};

TEST_F(DnsCacheTest, AsksOnceForAllWaitingObservers) {
  test::BusyPool busy(loop);
  Waiter first, second;
  EXPECT_FALSE(ask(kKnown, first));
  EXPECT_FALSE(ask(kKnown, second));
  EXPECT_EQ(loop.lookups(), 1U);
  EXPECT_EQ(first.reports, 0);
  busy.release();
  ASSERT_TRUE(has_heard(first) && has_heard(second));
  ASSERT_FALSE(addresses.known().empty());
  EXPECT_EQ(addresses.known()[0].port(), 143);
}

TEST_F(DnsCacheTest, NeedsNoLookUpForAnAddress) {
  Waiter waiter;
  for (const char* host : {"192.0.2.7", "2001:db8::7"}) {
    EXPECT_TRUE(ask({host, 143}, waiter));
    ASSERT_EQ(addresses.known().size(), 1U);
    EXPECT_EQ(addresses.known()[0].ip_text(), host);
    addresses.expire();
    EXPECT_TRUE(ask({host, 143}, waiter));
    addresses.expire();
  }
  EXPECT_EQ(loop.lookups(), 0U);
}

TEST_F(DnsCacheTest, ServesAddressesUntilTheyExpire) {
  Waiter waiter;
  EXPECT_FALSE(ask(kKnown, waiter));
  ASSERT_TRUE(has_heard(waiter));
  EXPECT_TRUE(ask(kKnown, waiter));
  addresses.expire();
  EXPECT_FALSE(ask(kKnown, waiter));
  ASSERT_TRUE(has_heard(waiter, 2));
}

TEST_F(DnsCacheTest, ServesAddressesWhileTheyAreLookedUpAgain) {
  Waiter waiter;
  addresses.store(former, loop.now_ms());  // expired just now
  EXPECT_TRUE(ask(kKnown, waiter));
  EXPECT_TRUE(ask(kKnown, waiter));
  EXPECT_EQ(loop.lookups(), 1U) << "one look-up for both";
  EXPECT_EQ(addresses.known(), former);
  ASSERT_TRUE(run_until(loop, [&] { return addresses.known() != former; }));
  EXPECT_TRUE(addresses.fresh(loop.now_ms()));
  EXPECT_EQ(waiter.reports, 0);
}

TEST_F(DnsCacheTest, ServesNoAddressThatExpiredLongAgo) {
  Waiter waiter;
  addresses.store(former, loop.now_ms() - DnsCache::kTtlMs);
  EXPECT_FALSE(ask(kKnown, waiter));
  ASSERT_TRUE(has_heard(waiter));
}

TEST_F(DnsCacheTest, ServesStaleAddressesWhileTheResolverIsDown) {
  addresses.store(former, 0);
  Waiter waiter;
  EXPECT_FALSE(ask(kUnknown, waiter));
  ASSERT_TRUE(has_heard(waiter));
  EXPECT_FALSE(waiter.failure);
  EXPECT_EQ(addresses.known(), former);
  EXPECT_TRUE(ask(kUnknown, waiter)) << "one look-up failed for all";
}

TEST_F(DnsCacheTest, ServesStaleAddressesToAllOnceOneHasWaited) {
  Waiter waiter, next;
  EXPECT_FALSE(addresses.serve_stale(loop.now_ms())) << "there are none";
  addresses.store(former, 0);
  test::BusyPool busy(loop);
  EXPECT_FALSE(ask(kKnown, waiter));
  EXPECT_TRUE(addresses.serve_stale(loop.now_ms()));
  EXPECT_TRUE(ask(kKnown, next));
  busy.release();  // the look-up continues
  ASSERT_TRUE(has_heard(waiter));
  EXPECT_NE(addresses.known(), former);
}

TEST_F(DnsCacheTest, SkipsObserversThatAreGone) {
  auto gone = std::make_unique<Waiter>();
  Waiter stays;
  EXPECT_FALSE(ask(kKnown, *gone));
  EXPECT_FALSE(ask(kKnown, stays));
  gone.reset();
  EXPECT_TRUE(has_heard(stays));
}

TEST_F(DnsCacheTest, ReportsTheNextAnswerToAnObserverThatAsksAgain) {
  Waiter waiter;
  waiter.then = [&] {
    if (waiter.reports == 1) {
      EXPECT_FALSE(ask(kUnknown, waiter));
    }
  };
  EXPECT_FALSE(ask(kUnknown, waiter));
  ASSERT_TRUE(has_heard(waiter, 2));
  EXPECT_TRUE(waiter.failure);
}

TEST_F(DnsCacheTest, MayBeDestroyedDuringALookUp) {
  Waiter waiter;
  {
    DnsCache short_lived;
    EXPECT_FALSE(short_lived.ask(loop, kKnown, waiter));
  }
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_EQ(waiter.reports, 0);
}

}  // namespace
}  // namespace postern
