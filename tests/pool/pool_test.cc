#include "proxy/pool/pool.h"

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

constexpr Balance kBalances[] = {Balance::RoundRobin, Balance::LeastSessions, Balance::ClientHash};

using Order = std::vector<size_t>;

net::Address client(int number) {
  return net::Address::parse("192.0.2." + std::to_string(number) + ":1").value();
}

// Different networks, as clients are.
net::Address stranger(uint32_t number) {
  const uint32_t mixed = number * 0x9e3779b1;
  const uint8_t ip[] = {static_cast<uint8_t>(mixed >> 24), static_cast<uint8_t>(mixed >> 16),
                        static_cast<uint8_t>(mixed >> 8), static_cast<uint8_t>(mixed)};
  return net::Address::from_ip(ip, 1);
}

std::vector<ServerConfig> weighted(const std::vector<size_t>& weights) {
  std::vector<ServerConfig> servers;
  for (const size_t weight : weights) {
    ServerConfig& server = servers.emplace_back("mail" + std::to_string(servers.size()), 143);
    server.weight = weight;
  }
  return servers;
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
    std::vector<ServerConfig> servers;
    for (const std::string& name : names) {
      servers.push_back({name, 143});
    }
    return make(balance, std::move(servers));
  }
  Pool& make(Balance balance, std::vector<ServerConfig> servers) {
    auto config = std::make_unique<BackendConfig>();
    config->name = "pool";
    config->balance = balance;
    config->servers = std::move(servers);
    std::vector<size_t> labels;
    PoolHealth health;
    for (const ServerConfig& server : config->servers) {
      labels.push_back(labels.size());
      auto& of_server = health_[server.text()];
      of_server = of_server != nullptr ? of_server : std::make_shared<ServerHealth>();
      health.push_back(of_server);
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
  EXPECT_EQ(pool.order(client(1), 0), (Order{0, 1, 2}));
  EXPECT_EQ(pool.order(client(1), 0), (Order{1, 2, 0}));
  EXPECT_EQ(pool.order(client(1), 0), (Order{2, 0, 1}));
  EXPECT_EQ(pool.order(client(1), 0), (Order{0, 1, 2}));
}

TEST_F(PoolTest, LeastSessionsStartsWithTheEmptiestServer) {
  Pool& pool = make(Balance::LeastSessions, numbered(3));
  pool.server(0).health->sessions = 5;
  pool.server(1).health->sessions = 1;
  pool.server(2).health->sessions = 3;
  EXPECT_EQ(pool.order(client(1), 0), (Order{1, 2, 0}));
  EXPECT_EQ(pool.order(client(1), 0), (Order{1, 2, 0}));
}

TEST_F(PoolTest, LeastSessionsTakesTurnsAmongEqualServers) {
  Pool& pool = make(Balance::LeastSessions, numbered(2));
  EXPECT_EQ(pool.order(client(1), 0).front(), 0U);
  EXPECT_EQ(pool.order(client(1), 0).front(), 1U);
}

// A headless service of Kubernetes, on both families.
std::vector<net::Address> of_service(int servers) {
  std::vector<net::Address> addresses;
  for (const char* network : {"[2001:db8::", "192.0.2."}) {
    for (int i = 1; i <= servers; ++i) {
      const std::string end = network[0] == '[' ? "]:143" : ":143";
      addresses.push_back(net::Address::parse(network + std::to_string(i) + end).value());
    }
  }
  return addresses;
}

TEST_F(PoolTest, TakesTurnsAmongTheAddressesOfAName) {
  for (const Balance balance : {Balance::RoundRobin, Balance::LeastSessions}) {
    Pool& pool = make(balance, numbered(2));
    for (size_t i = 0; i < 2; ++i) {
      pool.server(i).addresses.store(of_service(3), 0);
    }
    std::map<std::pair<size_t, size_t>, int> sessions;
    for (int i = 0; i < 60; ++i) {
      const size_t server = pool.order(client(1), 0).front();
      const size_t first = pool.first_address(pool.server(server), client(1));
      ++sessions[{server, first}];
      ASSERT_LT(first, 3U) << "the other family is for when this one fails";
    }
    EXPECT_EQ(sessions.size(), 6U);
    for (const auto& [place, count] : sessions) {
      EXPECT_EQ(count, 10) << place.first << " " << place.second;
    }
  }
}

TEST_F(PoolTest, ClientHashKeepsAClientWithItsAddressOfAName) {
  Pool& pool = make(Balance::ClientHash, numbered(1));
  BackendServer& server = pool.server(0);
  constexpr uint32_t kClients = 3'000;
  std::map<uint32_t, net::Address> before;
  server.addresses.store(of_service(3), 0);
  for (uint32_t i = 0; i < kClients; ++i) {
    before[i] = server.endpoints()[pool.first_address(server, stranger(i))].address;
  }
  std::vector<net::Address> fewer = of_service(3);
  const net::Address gone = fewer[1];
  fewer.erase(fewer.begin() + 1);
  server.addresses.store(fewer, 0);
  uint32_t moved = 0;
  for (uint32_t i = 0; i < kClients; ++i) {
    const auto now = server.endpoints()[pool.first_address(server, stranger(i))].address;
    EXPECT_TRUE(now == before[i] || before[i] == gone) << "a client of another address has moved";
    moved += now == before[i] ? 0U : 1U;
  }
  EXPECT_NEAR(moved, kClients / 3, kClients / 20);
}

TEST_F(PoolTest, ClientHashKeepsAClientWithItsServer) {
  Pool& pool = make(Balance::ClientHash, numbered(4));
  std::map<size_t, int> clients_of;
  for (int i = 0; i < 200; ++i) {
    const Order order = pool.order(client(i), 0);
    EXPECT_EQ(pool.order(client(i), 0), order);
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
    const std::string was = before.server(before.order(client(i), 0).front()).text;
    const std::string is = after.server(after.order(client(i), 0).front()).text;
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
  ServerSlot living = ServerSlot::acquire(one.server(0));
  EXPECT_EQ(other.server(0).health->sessions, 1U);
  EXPECT_EQ(other.order(client(1), 0), (Order{1, 2, 0}));
  living = ServerSlot();
  EXPECT_EQ(other.server(0).health->sessions, 0U);
}

// ---- weights

TEST_F(PoolTest, RoundRobinTakesTurnsByWeight) {
  Pool& pool = make(Balance::RoundRobin, weighted({3, 1}));
  std::string turns;
  for (int i = 0; i < 8; ++i) {
    turns += std::to_string(pool.order(client(1), 0).front());
  }
  EXPECT_EQ(turns, "01000100");
}

TEST_F(PoolTest, LeastSessionsFillsByWeight) {
  Pool& pool = make(Balance::LeastSessions, weighted({5, 3, 2}));
  std::vector<ServerSlot> living;
  for (int i = 0; i < 100; ++i) {
    living.push_back(ServerSlot::acquire(pool.server(pool.order(client(1), 0).front())));
  }
  EXPECT_EQ(pool.server(0).health->sessions, 50U);
  EXPECT_EQ(pool.server(1).health->sessions, 30U);
  EXPECT_EQ(pool.server(2).health->sessions, 20U);
}

TEST_F(PoolTest, ClientHashSpreadsByWeight) {
  Pool& pool = make(Balance::ClientHash, weighted({5, 3, 2}));
  std::map<size_t, int> clients_of;
  for (uint32_t i = 0; i < 10'000; ++i) {
    ++clients_of[pool.order(stranger(i), 0).front()];
  }
  EXPECT_NEAR(clients_of[0], 5'000, 300);
  EXPECT_NEAR(clients_of[1], 3'000, 300);
  EXPECT_NEAR(clients_of[2], 2'000, 300);
}

// ---- client_hash

TEST_F(PoolTest, ClientHashMovesAThirdOfTheClientsWhenOneOfThreeLeaves) {
  Pool& before = make(Balance::ClientHash, numbered(3));
  Pool& after = make(Balance::ClientHash, numbered(2));
  int moved = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    moved += before.order(stranger(i), 0).front() != after.order(stranger(i), 0).front() ? 1 : 0;
  }
  EXPECT_LE(moved, 3'833) << "a third and 5 %";
  EXPECT_GE(moved, 2'833);
}

TEST_F(PoolTest, ClientHashSeesAPersonInAnIpv6Network) {
  Pool& pool = make(Balance::ClientHash, numbered(4));
  const auto order = [&pool](const std::string& ip) {
    return pool.order(net::Address::parse("[" + ip + "]:1").value(), 0);
  };
  std::map<size_t, int> clients_of;
  for (int i = 0; i < 100; ++i) {
    const std::string network = "2001:db8:0:" + std::to_string(i) + "::";
    EXPECT_EQ(order(network + "1"), order(network + "abcd:1"));
    ++clients_of[order(network + "1").front()];
  }
  EXPECT_EQ(clients_of.size(), 4U);
}

// ---- slow start

TEST_F(PoolTest, AServerThatIsBackGetsItsShareLittleByLittle) {
  for (const Balance balance : kBalances) {
    Pool& pool = make(balance, numbered(2));
    ServerHealth& back = *pool.server(0).health;
    const auto share = [&](uint64_t now_ms) {
      int of_it = 0;
      for (uint32_t i = 0; i < 1'000; ++i) {
        of_it += pool.order(stranger(i), now_ms).front() == 0 ? 1 : 0;
      }
      return of_it;
    };
    const int whole = share(1'000);
    EXPECT_NEAR(whole, 500, 60);
    back.back_ms = 1'000;
    EXPECT_EQ(share(1'000), 0);
    EXPECT_NEAR(share(16'000), whole / 2, 60) << name_of(balance);
    EXPECT_NEAR(share(28'000), whole * 9 / 10, 60) << name_of(balance);
    EXPECT_EQ(share(31'000), whole);
    back.back_ms = 0;
  }
}

TEST_F(PoolTest, AServerThatIsBackGetsTheSessionsThatNoOtherCanHave) {
  Pool& pool = make(Balance::RoundRobin, numbered(1));
  pool.server(0).health->back_ms = 1'000;
  EXPECT_EQ(pool.order(client(1), 1'000), (Order{0}));
}

// ---- roles

TEST_F(PoolTest, BackupsComeLast) {
  auto servers = weighted({1, 1, 1, 1});
  servers[0].backup = servers[2].backup = true;
  Pool& pool = make(Balance::RoundRobin, servers);
  EXPECT_EQ(pool.order(client(1), 0), (Order{1, 3, 0, 2}));
  EXPECT_EQ(pool.order(client(1), 0), (Order{3, 1, 2, 0}));
}

TEST_F(PoolTest, AServerThatDrainsGetsNoSession) {
  auto servers = weighted({1, 1, 1});
  servers[1].drain = true;
  EXPECT_EQ(make(Balance::RoundRobin, servers).order(client(1), 0), (Order{0, 2}));
  servers[0].drain = servers[2].drain = true;
  EXPECT_TRUE(make(Balance::RoundRobin, servers).order(client(1), 0).empty());
}

TEST_F(PoolTest, AServerThatIsDrainedByHandGetsNoSessionUntilItIsNot) {
  Pool& pool = make(Balance::RoundRobin, weighted({1, 1}));
  pool.server(1).health->drained = true;
  EXPECT_EQ(pool.order(client(1), 0), (Order{0}));
  EXPECT_EQ(pool.server(1).health->state(pool.server(1).config), ServerState::Draining);
  pool.server(1).health->drained = false;
  EXPECT_EQ(pool.order(client(1), 0).size(), 2U);
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
    ServerSlot place = ServerSlot::acquire(server);
    EXPECT_EQ(gauge.value(), 0U) << "it has not greeted";
    place.show(counters);
    ServerSlot moved(std::move(place));
    ServerSlot assigned;
    assigned = std::move(moved);
    EXPECT_EQ(server.health->sessions, 1U);
    EXPECT_EQ(gauge.value(), 1U);
    assigned = ServerSlot();
    EXPECT_EQ(server.health->sessions, 0U);
    EXPECT_EQ(gauge.value(), 0U);
    assigned = ServerSlot::acquire(server);
    assigned.show(counters);
  }
  EXPECT_EQ(server.health->sessions, 0U);
  EXPECT_EQ(gauge.value(), 0U);
}

TEST(ServerSlot, IsEmptyWhenTheServerIsFull) {
  BackendServer server;
  server.health = std::make_shared<ServerHealth>();
  server.config.max_sessions = 2;
  const ServerSlot one = ServerSlot::acquire(server);
  {
    const ServerSlot two = ServerSlot::acquire(server);
    EXPECT_NE(two.server(), nullptr);
    EXPECT_TRUE(server.full());
    EXPECT_EQ(ServerSlot::acquire(server).server(), nullptr);
  }
  EXPECT_FALSE(server.full());
  EXPECT_NE(ServerSlot::acquire(server).server(), nullptr);
}

}  // namespace
}  // namespace postern
