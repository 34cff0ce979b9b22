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
  Pool& make(Balance balance, const std::vector<std::string>& names) {
    auto config = std::make_unique<BackendConfig>();
    config->name = "pool";
    config->balance = balance;
    std::vector<size_t> labels;
    for (const std::string& name : names) {
      labels.push_back(labels.size());
      config->servers.push_back({name, 143});
    }
    configs_.push_back(std::move(config));
    pools_.push_back(std::make_unique<Pool>(*configs_.back(), nullptr, 0, labels));
    return *pools_.back();
  }

 private:
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
  *pool.server(0).sessions = 5;
  *pool.server(1).sessions = 1;
  *pool.server(2).sessions = 3;
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

TEST_F(PoolTest, AReloadKeepsTheSessionsOfAServerInMind) {
  const Pool& former = make(Balance::LeastSessions, numbered(2));
  Pool& after = make(Balance::LeastSessions, numbered(3));
  metrics::Counters counters(metrics::complete_labels());
  ServerSlot living(const_cast<Pool&>(former).server(0), counters);
  after.take_over(former);
  EXPECT_EQ(*after.server(0).sessions, 1U);
  EXPECT_EQ(after.order(client(1)), (Order{1, 2, 0}));
  living = ServerSlot();
  EXPECT_EQ(*after.server(0).sessions, 0U);
}

TEST_F(PoolTest, AReloadKeepsWhatHasFailedInMind) {
  Pool& former = make(Balance::RoundRobin, numbered(2));
  Pool& after = make(Balance::RoundRobin, numbered(3));
  former.server(1).addresses.store({client(1), client(2)}, 0);
  former.server(1).breaker(client(1)).failed(1'000);
  after.take_over(former);
  EXPECT_TRUE(after.server(1).breaker(client(1)).rests(1'001));
  EXPECT_FALSE(after.server(1).breaker(client(2)).rests(1'001));
  EXPECT_FALSE(after.server(1).rests(1'001)) << "one address is well";
  after.server(1).breaker(client(2)).failed(1'000);
  EXPECT_TRUE(after.server(1).rests(1'001));
}

TEST_F(PoolTest, ForgetsAddressesThatAServerNoLongerHas) {
  BackendServer& server = make(Balance::RoundRobin, numbered(1)).server(0);
  for (int i = 0; i < 100; ++i) {
    server.addresses.store({client(i)}, 0);
    server.breaker(client(i)).failed(1);
  }
  EXPECT_LE(server.endpoints.size(), 2U);
}

TEST(ServerSlot, CountsForItsServerWhileItExists) {
  const metrics::LabelSets labels = metrics::complete_labels();
  metrics::Counters counters(labels);
  metrics::Cell& gauge = counters.cell_at(metrics::Metric::BackendSessions, {3});
  BackendServer server;
  server.label = 3;
  {
    ServerSlot place(server, counters);
    ServerSlot moved(std::move(place));
    ServerSlot assigned;
    assigned = std::move(moved);
    EXPECT_EQ(*server.sessions, 1U);
    EXPECT_EQ(gauge.value(), 1U);
    assigned = ServerSlot();
    EXPECT_EQ(*server.sessions, 0U);
    EXPECT_EQ(gauge.value(), 0U);
    assigned = ServerSlot(server, counters);
  }
  EXPECT_EQ(*server.sessions, 0U);
  EXPECT_EQ(gauge.value(), 0U);
}

}  // namespace
}  // namespace postern
