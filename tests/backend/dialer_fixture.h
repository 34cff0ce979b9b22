// DialerTest: a dialer, the servers that it dials, and the figures that it counts, on one loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/backend/backend_labels.h"
#include "proxy/backend/dialer.h"
#include "proxy/log/log.h"
#include "proxy/net/failure.h"
#include "tests/metrics/figures.h"
#include "tests/net/loopback.h"
#include "tests/support/busy_pool.h"
#include "tests/support/certificates.h"
#include "tests/support/logged.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"

namespace postern {

using metrics::Metric;
using test::run_until;
using test::ScriptedBackend;
using testing::Contains;
using testing::ContainsRegex;
using testing::Not;

inline constexpr uint64_t kTimeoutMs = 5'000;

inline metrics::LabelSets backend_labels() {
  metrics::LabelSets labels;
  define_backend_labels(labels);
  return labels;
}

class DialerTest : public testing::Test, public DialerObserver {
 protected:
  DialerTest() : counters(labels), server_context(test::server_context(authority, {"localhost"})) {
    log::configure(log::Format::Text, log::Level::Error);
    config.name = "pool";
    config.verify.ca_file = directory.write("ca.pem", authority.pem());
    config.verify.name = "localhost";
  }
  ~DialerTest() override {
    backends.clear();
    trial.reset();
    place = ServerSlot();
    stream.reset();
    dial.reset();
    EXPECT_TRUE(test::run_to_end(loop)) << "something still keeps the loop going";
  }

  ScriptedBackend& backend(ScriptedBackend::Options options = {}) {
    options.context = server_context.get();
    options.tls = config.tls;
    backends.push_back(std::make_unique<ScriptedBackend>(loop, std::move(options)));
    config.servers.push_back(backends.back()->host());
    return *backends.back();
  }
  Pool& pool() {
    if (pool_ == nullptr) {
      config.balance = Balance::RoundRobin;
      std::unique_ptr<tls::ClientContext> context;
      if (config.tls != BackendTls::None) {
        context = std::move(
            tls::ClientContext::make({.policy = tls::Policy::toward_backend(config.min_version),
                                      .verifier = tls::load_verifier(config.verify).value()})
                .value());
      }
      std::vector<size_t> server_labels;
      PoolHealth health;
      for (size_t i = 0; i < config.servers.size(); ++i) {
        server_labels.push_back(i + 1);
        health.push_back(std::make_shared<ServerHealth>());
      }
      pool_ = std::make_unique<Pool>(config, std::move(context), 1, server_labels, health);
    }
    return *pool_;
  }
  void start(uint64_t timeout_ms = kTimeoutMs) {
    dial =
        std::make_unique<Dialer>(services, pool(), net::loopback(1), identity, timeout_ms, *this);
    dial->start();
    EXPECT_FALSE(finished()) << "reported from inside start()";
  }
  bool wait() {
    return run_until(loop, [this] { return finished(); });
  }
  bool dials(uint64_t timeout_ms = kTimeoutMs) {
    start(timeout_ms);
    return wait();
  }
  // The dialer has left the first server for `reason` and has reached the second one.
  void expect_next_server(const char* reason) {
    EXPECT_NE(stream, nullptr);
    EXPECT_EQ(place.server(), &pool().server(1));
    EXPECT_EQ(connects(0, reason), 1U);
  }
  // After a dial with two servers: round robin would begin with the second one.
  void begin_with_the_first_again() {
    stream.reset();
    place = ServerSlot();
    pool().order(net::loopback(1), loop.now_ms());
  }
  bool rests(size_t server) { return pool().server(server).rests(loop.now_ms()); }
  // Of the first address that is known.
  CircuitBreaker& breaker(size_t server) { return *pool().server(server).endpoints()[0].breaker; }
  bool accepted(size_t server, size_t connections) {
    return run_until(loop, [&] { return backends[server]->accepted() == connections; });
  }
  template <typename Work>
  std::vector<std::string> lines_while(Work work) {
    log::configure(log::Format::Text, log::Level::Warn);
    std::vector<std::string> lines = test::logged(work);
    log::configure(log::Format::Text, log::Level::Error);
    return lines;
  }
  // Without a server.
  void start_over() {
    dial.reset();
    trial.reset();
    pool_.reset();
    backends.clear();
    config.servers.clear();
    failure = {};
  }
  std::vector<std::string> lines_of_a_dial() {
    return lines_while([&] {
      start();
      ASSERT_TRUE(wait());
    });
  }
  bool finished() const { return stream != nullptr || failure; }
  uint64_t connects(size_t server, std::string_view result) {
    return counters
        .cell_at(Metric::BackendConnects,
                 {server + 1, labels.index_of(metrics::Label::ConnectResult, result)})
        .value();
  }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }

  net::Loop loop;
  tls::Workspace workspace;
  metrics::LabelSets labels = metrics::complete_labels(backend_labels());
  metrics::Counters counters;
  BackendFacts facts{labels};
  const DialerServices services{loop, workspace, counters, labels, facts};
  test::TempDirectory directory;
  test::Authority authority;
  std::unique_ptr<tls::ServerContext> server_context;
  BackendConfig config;
  IdentityPreamble identity;
  std::vector<std::unique_ptr<ScriptedBackend>> backends;
  test::ClosedPort closed_port;

  std::unique_ptr<net::Stream> stream;
  std::string first_bytes;
  ServerSlot place;
  std::unique_ptr<HeaderTrial> trial;
  Error failure;
  std::unique_ptr<Dialer> dial;

 private:
  void on_connected(DialResult result) override {
    EXPECT_FALSE(finished()) << "reported twice";
    stream = std::move(result.stream);
    stream->observe(after_);
    first_bytes = std::move(result.first_bytes);
    place = std::move(result.slot);
    trial = std::move(result.trial);
  }
  void on_dial_failed(const Error& last_error) override {
    EXPECT_FALSE(finished()) << "reported twice";
    failure = last_error;
  }

  std::unique_ptr<Pool> pool_;
  net::Recorder after_;
};

}  // namespace postern
