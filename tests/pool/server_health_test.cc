#include "proxy/pool/server_health.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

constexpr uint64_t kNowMs = 1'000;

net::Address address(int number) {
  return net::Address::parse("192.0.2." + std::to_string(number) + ":143").value();
}

// Again after a failure.
void fail(const Endpoint& endpoint) {
  endpoint.breaker->failed(kNowMs);
  endpoint.breaker->failed(kNowMs);
}

ServerState state(const ServerHealth& server) {
  return server.state({});
}

TEST(ServerHealth, IsUpAsLongAsNothingHasFailed) {
  ServerHealth server;
  EXPECT_EQ(state(server), ServerState::Up);
  server.learn({address(1), address(2)});
  EXPECT_EQ(state(server), ServerState::Up);
}

TEST(ServerHealth, IsSuspectAsLongAsOneOfItsAddressesIsWell) {
  ServerHealth server;
  const auto known = server.learn({address(1), address(2)});
  known[0].breaker->failed(kNowMs);
  EXPECT_EQ(state(server), ServerState::Suspect);
  fail(known[0]);
  EXPECT_EQ(state(server), ServerState::Suspect);
  known[1].breaker->failed(kNowMs);
  EXPECT_EQ(state(server), ServerState::Suspect) << "its first failure";
  fail(known[1]);
  EXPECT_EQ(state(server), ServerState::Down);
  known[0].breaker->served(kNowMs);
  EXPECT_EQ(state(server), ServerState::Suspect);
  known[1].breaker->served(kNowMs);
  EXPECT_EQ(state(server), ServerState::Up);
}

TEST(ServerHealth, ShowsEachAddress) {
  ServerHealth server;
  EXPECT_TRUE(server.endpoint_states().empty());
  const auto known = server.learn({address(1), address(2), address(3)});
  known[1].breaker->served(kNowMs);
  fail(known[2]);
  const auto states = server.endpoint_states();
  ASSERT_EQ(states.size(), 3U);
  EXPECT_EQ(states[0].since_ms, 0U) << "untried";
  EXPECT_EQ(states[1].state, ServerState::Up);
  EXPECT_EQ(states[1].since_ms, kNowMs);
  EXPECT_EQ(states[2].address, address(3));
  EXPECT_EQ(states[2].state, ServerState::Down);
}

TEST(ServerHealth, IsDownWithoutAnAddress) {
  ServerHealth server;
  server.name.failed(kNowMs);
  EXPECT_EQ(state(server), ServerState::Suspect);
  server.name.failed(kNowMs);
  EXPECT_EQ(state(server), ServerState::Down);
  server.learn({address(1)});
  EXPECT_EQ(state(server), ServerState::Up) << "no resolver is needed for what is known";
}

TEST(ServerHealth, ForgetsAddressesThatTheServerNoLongerHas) {
  ServerHealth server;
  fail(server.learn({address(1)})[0]);
  const auto known = server.learn({address(2)});
  EXPECT_EQ(state(server), ServerState::Up);
  const auto again = server.learn({address(1), address(2)});
  EXPECT_TRUE(again[0].breaker->well()) << "what was known of it is forgotten";
  EXPECT_EQ(again[1].breaker, known[0].breaker);
}

TEST(ServerHealth, HasTheStateOfItsRole) {
  ServerHealth server;
  ServerConfig config;
  config.backup = true;
  EXPECT_EQ(server.state(config), ServerState::Backup);
  fail(server.learn({address(1)})[0]);
  EXPECT_EQ(server.state(config), ServerState::Down);
  config.drain = true;
  EXPECT_EQ(server.state(config), ServerState::Draining);
}

TEST(ServerHealth, AdmitsNoMoreSessionsThanAllowedFromAllThreads) {
  ServerHealth server;
  std::atomic<size_t> admitted = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int k = 0; k < 1'000; ++k) {
        admitted += server.acquire(500) ? 1 : 0;
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_EQ(admitted, 500U);
  EXPECT_EQ(server.sessions, 500U);
  EXPECT_TRUE(server.acquire(0)) << "no limit";
}

// Workers may get parts of a long list, in turns.
TEST(ServerHealth, KeepsWhatAWorkerStillUses) {
  ServerHealth server;
  const auto of_one = server.learn({address(1)});
  fail(of_one[0]);
  const auto of_other = server.learn({address(2)});
  EXPECT_EQ(state(server), ServerState::Up);
  EXPECT_EQ(server.learn({address(1)})[0].breaker, of_one[0].breaker);
  EXPECT_EQ(state(server), ServerState::Down);
}

Config config(const std::vector<std::string>& backends, const std::vector<net::HostPort>& servers) {
  Config config;
  for (const std::string& name : backends) {
    config.backends.push_back(
        {.name = name, .servers = {servers.begin(), servers.end()}, .verify = {}});
  }
  return config;
}

TEST(ServerHealth, IsKeptOverAReloadForServersThatStay) {
  const Config former = config({"a", "b"}, {{"mail1", 143}, {"mail2", 143}});
  const BackendsHealth before = make_health(former, nullptr, nullptr);
  EXPECT_NE(before[0][0], before[1][0]) << "the backends may differ in TLS";
  const BackendsHealth after =
      make_health(config({"b", "c"}, {{"mail2", 143}, {"mail3", 143}}), &former, &before);
  EXPECT_EQ(after[0][0], before[1][1]);
  EXPECT_NE(after[0][1], nullptr);
  EXPECT_NE(after[1][0], before[1][1]);
}

}  // namespace
}  // namespace postern
