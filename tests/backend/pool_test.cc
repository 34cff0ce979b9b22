#include "proxy/backend/pool.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/metrics/figures.h"

namespace postern {
namespace {

using Order = std::vector<size_t>;

net::Address client(int number) {
  return net::Address::parse("192.0.2." + std::to_string(number) + ":1").value();
}

std::vector<std::string> numbered(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    names.push_back("mail" + std::to_string(i));
  }
  return names;
}

class PoolTest : public testing::Test {
 protected:
  // Servers of the same name have the same health, as after a reload.
  Pool& make(Balance balance, const std::vector<std::string>& names) {
    auto config = std::make_unique<BackendConfig>();
    config->name = "pool";
    config->balance = balance;
    std::vector<size_t> labels;
    PoolHealth health;
    for (const std::string& name : names) {
      labels.push_back(labels.size());
      auto& of_server = health_[name];
      of_server = of_server != nullptr ? of_server : std::make_shared<ServerHealth>();
      health.push_back(of_server);
      config->servers.push_back({name, 143});
    }
    configs_.push_back(std::move(config));
    pools_.push_back(std::make_unique<Pool>(*configs_.back(), nullptr, 0, labels, health));
    return *pools_.back();
  }

 private:
  std::map<std::string, std::shared_ptr<ServerHealth>> health_;
  std::vector<std::unique_ptr<BackendConfig>> configs_;
  std::vector<std::unique_ptr<Pool>> pools_;
};

TEST_F(PoolTest, RoundRobinStartsWithEachServerInTurn) {
  Pool& pool = make(Balance::RoundRobin, numbered(3));
  EXPECT_EQ(pool.order(client(1)), (Order{0, 1, 2}));
  EXPECT_EQ(pool.order(client(1)), (Order{1, 2, 0}));
  EXPECT_EQ(pool.order(client(1)), (Order{2, 0, 1}));
  EXPECT_EQ(pool.order(client(1)), (Order{0, 1, 2}));
}

TEST_F(PoolTest, LeastSessionsStartsWithTheEmptiestServer) {
  Pool& pool = make(Balance::LeastSessions, numbered(3));
  pool.server(0).health->sessions = 5;
  pool.server(1).health->sessions = 1;
  pool.server(2).health->sessions = 3;
  EXPECT_EQ(pool.order(client(1)), (Order{1, 2, 0}));
  EXPECT_EQ(pool.order(client(1)), (Order{1, 2, 0}));
}

TEST_F(PoolTest, LeastSessionsTakesTurnsAmongEqualServers) {
  Pool& pool = make(Balance::LeastSessions, numbered(2));
  EXPECT_EQ(pool.order(client(1)).front(), 0U);
  EXPECT_EQ(pool.order(client(1)).front(), 1U);
}

TEST_F(PoolTest, ClientHashKeepsAClientWithItsServer) {
  Pool& pool = make(Balance::ClientHash, numbered(4));
  std::map<size_t, int> clients_of;
  for (int i = 0; i < 200; ++i) {
    const Order order = pool.order(client(i));
    EXPECT_EQ(pool.order(client(i)), order);
    ++clients_of[order.front()];
  }
  EXPECT_EQ(clients_of.size(), 4U);
  for (const auto& [server, count] : clients_of) {
    EXPECT_GT(count, 20) << "server " << server << " of 4 has too few of 200 clients";
  }
}

TEST_F(PoolTest, ClientHashMovesOnlyTheClientsOfARemovedServer) {
  std::vector<std::string> names = numbered(4);
  Pool& before = make(Balance::ClientHash, names);
  names.erase(names.begin() + 1);
  Pool& after = make(Balance::ClientHash, names);
  int moved = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string was = before.server(before.order(client(i)).front()).text;
    const std::string is = after.server(after.order(client(i)).front()).text;
    if (was != is) {
      EXPECT_EQ(was, "mail1:143") << "client " << i << " had no reason to move to " << is;
      ++moved;
    }
  }
  EXPECT_GT(moved, 0);
}

TEST_F(PoolTest, LeastSessionsCountsThoseOfAllWorkers) {
  Pool& one = make(Balance::LeastSessions, numbered(2));
  Pool& other = make(Balance::LeastSessions, numbered(3));
  metrics::Counters counters(metrics::complete_labels());
  ServerSlot living(one.server(0), counters);
  EXPECT_EQ(other.server(0).health->sessions, 1U);
  EXPECT_EQ(other.order(client(1)), (Order{1, 2, 0}));
  living = ServerSlot();
  EXPECT_EQ(other.server(0).health->sessions, 0U);
}

TEST_F(PoolTest, WhatOneWorkerLearnsTheOthersKnow) {
  BackendServer& one = make(Balance::RoundRobin, numbered(2)).server(1);
  BackendServer& other = make(Balance::RoundRobin, numbered(2)).server(1);
  one.addresses.store({client(1), client(2)}, 0);
  other.addresses.store({client(2), client(1)}, 0);
  one.endpoints()[0].breaker->failed(1'000);
  EXPECT_FALSE(other.endpoints()[0].breaker->rests(1'001));
  EXPECT_TRUE(other.endpoints()[1].breaker->rests(1'001)) << "the same address";
  EXPECT_FALSE(other.rests(1'001)) << "one address is well";
  one.endpoints()[1].breaker->failed(1'000);
  EXPECT_TRUE(other.rests(1'001));
  EXPECT_FALSE(other.down());
}

TEST_F(PoolTest, AReloadKeepsAddressesInMind) {
  Pool& former = make(Balance::RoundRobin, numbered(2));
  Pool& after = make(Balance::RoundRobin, numbered(3));
  former.server(1).addresses.store({client(1)}, 0);
  after.take_over(former);
  EXPECT_EQ(after.server(1).addresses.known(), std::vector{client(1)});
  EXPECT_TRUE(after.server(0).addresses.known().empty());
}

TEST(ServerSlot, CountsForItsServerWhileItExists) {
  const metrics::LabelSets labels = metrics::complete_labels();
  metrics::Counters counters(labels);
  metrics::Cell& gauge = counters.cell_at(metrics::Metric::BackendSessions, {3});
  BackendServer server;
  server.label = 3;
  server.health = std::make_shared<ServerHealth>();
  {
    ServerSlot place(server, counters);
    ServerSlot moved(std::move(place));
    ServerSlot assigned;
    assigned = std::move(moved);
    EXPECT_EQ(server.health->sessions, 1U);
    EXPECT_EQ(gauge.value(), 1U);
    assigned = ServerSlot();
    EXPECT_EQ(server.health->sessions, 0U);
    EXPECT_EQ(gauge.value(), 0U);
    assigned = ServerSlot(server, counters);
  }
  EXPECT_EQ(server.health->sessions, 0U);
  EXPECT_EQ(gauge.value(), 0U);
}

}  // namespace
}  // namespace postern
