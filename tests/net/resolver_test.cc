#include "proxy/net/resolver.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace postern::net {
namespace {

using test::run_until;

struct Answer final : ResolveObserver {
  void on_resolved(const std::vector<Address>& found) override {
    addresses = found;
    note();
  }
  void on_resolve_failure(const Error& error) override {
    failure = error;
    note();
  }
  void note() {
    EXPECT_FALSE(inside) << "called inside resolve()";
    ++count;
    if (then) {
      then();
    }
  }
  std::vector<Address> addresses;
  Error failure;
  int count = 0;
  bool inside = false;
  std::function<void()> then;
};

struct ResolverTest : testing::Test {
  Loop loop;
  std::unique_ptr<Resolver> resolver = std::make_unique<Resolver>(loop);
  Answer answer;

  void resolve(const HostPort& host) {
    answer.inside = true;
    resolver->resolve(host, answer);
    answer.inside = false;
  }
  ~ResolverTest() override {
    resolver.reset();
    EXPECT_TRUE(test::run_to_end(loop));
  }
};

TEST_F(ResolverTest, AnswersLiteralsFromTheLoop) {
  for (const char* literal : {"192.0.2.1:143", "[2001:db8::1]:993"}) {
    answer.count = 0;
    resolve(HostPort::parse(literal, 0).value());
    ASSERT_TRUE(run_until(loop, [&] { return answer.count == 1; }));
    ASSERT_EQ(answer.addresses.size(), 1U);
    EXPECT_EQ(answer.addresses[0].text(), literal);
  }
}

TEST_F(ResolverTest, FindsLocalhostOnceAnAddressWithItsPort) {
  resolve({"localhost", 143});
  ASSERT_TRUE(run_until(loop, [&] { return answer.count == 1; }));
  ASSERT_FALSE(answer.addresses.empty()) << answer.failure.text();
  for (size_t i = 0; i < answer.addresses.size(); ++i) {
    const Address& address = answer.addresses[i];
    EXPECT_TRUE(address.ip_text() == "127.0.0.1" || address.ip_text() == "::1") << address.text();
    EXPECT_EQ(address.port(), 143);
    for (size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(address == answer.addresses[j]);
    }
  }
}

// Names that no name server is asked for: the first is refused by libuv, the second by the
// resolver.
TEST_F(ResolverTest, ReportsAFailureFromTheLoop) {
  for (const std::string& name : {std::string("xn--\xff"), std::string(70, 'x') + ".invalid"}) {
    answer.count = 0;
    answer.failure = {};
    resolve({name, 143});
    ASSERT_TRUE(run_until(loop, [&] { return answer.count == 1; }));
    EXPECT_TRUE(std::string(answer.failure.label()).starts_with("name_")) << answer.failure.text();
  }
}

TEST_F(ResolverTest, SaysNothingOnceCancelled) {
  for (const char* host : {"localhost", "192.0.2.1"}) {
    resolve({host, 143});
    resolver->cancel();
    resolver->cancel();
  }
  resolve({"localhost", 143});
  resolver.reset();
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_EQ(answer.count, 0);
}

TEST_F(ResolverTest, MayAskAgainOrBeDestroyedInItsAnswer) {
  answer.then = [&] {
    if (answer.count == 1) {
      resolver->resolve({"localhost", 143}, answer);
    } else {
      resolver.reset();
    }
  };
  resolve({"192.0.2.1", 143});
  EXPECT_TRUE(run_until(loop, [&] { return answer.count == 2; }));
}

}  // namespace
}  // namespace postern::net
