#include "proxy/server/worker.h"

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "proxy/process/listening_sockets.h"
#include "proxy/session/make_label_sets.h"
#include "tests/support/gateway.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using metrics::Metric;
using test::GatewayClient;
using test::kImplicit;

// Two workers on threads of their own; clients and backends on the test's.
class WorkerTest : public testing::Test {
 protected:
  static constexpr size_t kWorkers = 2;

  WorkerTest() {
    log::configure(log::Format::Text, log::Level::Error);
    InheritedSockets none;
    const ListeningSockets sockets = open_listening_sockets(config, none).value();
    address = net::bound_address(sockets.of_workers[0][kImplicit].fd);
    const auto snapshots = snapshots_for(config);
    for (size_t i = 0; i < kWorkers; ++i) {
      workers.push_back(std::make_unique<Worker>(shared, i, snapshots[i], sockets.of_workers[i]));
      workers.back()->start([this] { loop.post([this] { ++workers_ended; }); });
    }
  }
  ~WorkerTest() override {
    clients.clear();
    drain(0);
    EXPECT_TRUE(ended());
    for (const auto& worker : workers) {
      worker->join();
    }
    backend.reset();
    other_backend.reset();
    EXPECT_TRUE(test::run_to_end(loop));
  }

  std::vector<std::shared_ptr<Snapshot>> snapshots_for(const Config& wanted) {
    materials = std::make_unique<Materials>(Materials::load(wanted, materials.get()).value());
    return Snapshot::make(*materials, labels, kWorkers).value();
  }
  GatewayClient& connect() {
    clients.push_back(std::make_unique<GatewayClient>(loop, address));
    GatewayClient& client = *clients.back();
    EXPECT_TRUE(test::run_until(loop, [&] { return client.connected(); }));
    client.secure();
    EXPECT_TRUE(test::run_until(loop, [&] { return client.heard("ready\r\n"); }));
    return client;
  }
  void drain(uint64_t limit_ms) {
    for (const auto& worker : workers) {
      worker->drain({.limit_ms = limit_ms});
    }
  }
  bool ended() {
    return test::run_until(loop, [this] { return workers_ended == kWorkers; });
  }
  // A worker's figure, as the exporter reads it from another thread.
  uint64_t figure(const Worker& worker, Metric metric) {
    const metrics::Counters& counters = worker.counters();
    uint64_t sum = 0;
    for (size_t row = 0; row < 2; ++row) {
      std::vector<uint64_t> sums(counters.row_size(metric));
      counters.add_row_to(metric, row, sums);
      for (const uint64_t each : sums) {
        sum += each;
      }
    }
    return sum;
  }

  net::Loop loop;
  std::unique_ptr<test::ScriptedBackend> backend = std::make_unique<test::ScriptedBackend>(loop);
  std::unique_ptr<test::ScriptedBackend> other_backend =
      std::make_unique<test::ScriptedBackend>(loop);
  Config config = [this] {
    Config two = test::gateway_config({backend->host()});
    two.workers = kWorkers;
    return two;
  }();
  metrics::LabelSets labels = make_label_sets(config);
  Admission admission;
  BackendFacts facts{labels};
  const Shared shared{.labels = labels, .admission = admission, .facts = facts};
  std::unique_ptr<Materials> materials;
  net::Address address;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::unique_ptr<GatewayClient>> clients;
  size_t workers_ended = 0;
};

TEST_F(WorkerTest, EachShowsTheLagOfItsLoop) {
  connect();  // whose deadline ticks at one of the two
  const auto lag = [this](size_t worker, size_t row) {
    const metrics::Counters& counters = workers[worker]->counters();
    std::vector<uint64_t> cells(counters.row_size(Metric::LoopLag));
    counters.add_row_to(Metric::LoopLag, row, cells);
    return std::accumulate(cells.begin(), cells.end() - 1, uint64_t{0});
  };
  EXPECT_TRUE(test::run_until(loop, [&] { return lag(0, 0) + lag(1, 1) > 0; }));
  EXPECT_EQ(lag(0, 1) + lag(1, 0), 0U);
}

TEST_F(WorkerTest, BothGetSessions) {
  // The kernel spreads by a hash of the ports: that one of two gets none of 60 is out of the
  // question.
  for (int i = 0; i < 60; ++i) {
    connect();
  }
  const uint64_t first = figure(*workers[0], Metric::SessionsActive);
  const uint64_t second = figure(*workers[1], Metric::SessionsActive);
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, 0U);
  EXPECT_EQ(first + second, 60U);
  EXPECT_EQ(admission.sessions(), 60U);
}

TEST_F(WorkerTest, NewSessionsUseTheNewSnapshotAndLivingOnesKeepTheirs) {
  for (int i = 0; i < 10; ++i) {
    connect();
  }
  ASSERT_EQ(backend->accepted(), 10U);
  Config changed = config;
  changed.backends[0].servers = {other_backend->host()};
  auto snapshots = snapshots_for(changed);
  for (size_t i = 0; i < kWorkers; ++i) {
    workers[i]->use(std::move(snapshots[i]));
  }
  // From when on a worker uses it is its own affair; once each session lands there, both do.
  int in_a_row = 0;
  ASSERT_TRUE(test::eventually(loop, [&] {
    const size_t before = other_backend->accepted();
    connect();
    in_a_row = other_backend->accepted() > before ? in_a_row + 1 : 0;
    return in_a_row == 20;
  }));
  clients[0]->send("a NOOP\r\n");
  EXPECT_TRUE(test::run_until(loop, [&] { return clients[0]->heard("a OK done\r\n"); }));
  EXPECT_EQ(backend->open() + other_backend->open(), clients.size());
}

TEST_F(WorkerTest, CanBeCountedWhileTheyWork) {
  std::atomic<bool> stop{false};
  std::thread scraper([&] {
    while (!stop) {
      for (const auto& worker : workers) {
        EXPECT_LE(figure(*worker, Metric::SessionsActive), 20U);
      }
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 20; ++i) {
    connect().send("a LOGIN user secret\r\n");
  }
  EXPECT_TRUE(test::run_until(loop, [&] { return clients.back()->heard("a OK"); }));
  stop = true;
  scraper.join();
}

TEST_F(WorkerTest, EndsTheSessionsThatAreAskedFor) {
  for (int i = 0; i < 6; ++i) {
    connect();
  }
  size_t answers = 0;
  size_t ended = 0;
  const auto end = [&](const SessionFilter& which) {
    answers = ended = 0;
    for (const auto& worker : workers) {
      EXPECT_TRUE(worker->end_sessions(which, [&](size_t count) {
        loop.post([&, count] {
          ++answers;
          ended += count;
        });
      }));
    }
    EXPECT_TRUE(test::run_until(loop, [&] { return answers == kWorkers; }));
    return ended;
  };
  EXPECT_EQ(end({.client = net::Network::parse("192.0.2.0/24").value()}), 0U);
  EXPECT_EQ(end({.backend = "another"}), 0U);
  EXPECT_EQ(end({.client = net::Network::parse("127.0.0.1").value(),
                 .backend = config.backends[0].name,
                 .server = config.backends[0].servers[0].text()}),
            6U);
  for (const auto& client : clients) {
    EXPECT_TRUE(test::run_until(loop, [&] { return client->over(); }));
    EXPECT_TRUE(client->heard("* BYE [UNAVAILABLE]"));
  }
  EXPECT_EQ(end({.client = net::Network::parse("127.0.0.1").value()}), 0U) << "they end already";
}

TEST_F(WorkerTest, DrainNotifiesItsClientsAndEnds) {
  GatewayClient& client = connect();
  drain(60'000);
  EXPECT_TRUE(test::run_until(loop, [&] { return client.over(); }));
  EXPECT_TRUE(client.heard("* BYE [UNAVAILABLE] Server is going down"));
  client.finish();
  EXPECT_TRUE(ended());
  EXPECT_EQ(admission.sessions(), 0U);
}

TEST_F(WorkerTest, CutsWhatIsLeftWhenTheDrainIsOver) {
  GatewayClient& client = connect();
  backend->last().say("* 1 FETCH (BODY[] {1000}\r\nonly this much");
  ASSERT_TRUE(test::run_until(loop, [&] { return client.heard("only this much"); }));
  drain(100);
  EXPECT_TRUE(ended());
  EXPECT_TRUE(test::run_until(loop, [&] { return client.over(); }));
  EXPECT_FALSE(client.heard("BYE"));
}

TEST_F(WorkerTest, AcceptsNobodyWhileDraining) {
  GatewayClient& living = connect();
  backend->last().say("* 1 FETCH (BODY[] {1000}\r\nonly this much");
  ASSERT_TRUE(test::run_until(loop, [&] { return living.heard("only this much"); }));
  drain(60'000);
  // Refused, once both workers have closed their sockets.
  EXPECT_TRUE(test::eventually(loop, [&] {
    GatewayClient late(loop, address);
    test::run_until(loop, [&] { return late.connected() || late.over(); });
    return late.failed() && !late.connected();
  }));
  EXPECT_FALSE(living.over());
  living.finish();
}

}  // namespace
}  // namespace postern
