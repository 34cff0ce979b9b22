// SessionTest: a gateway, a backend behind it and a client before it, all on one loop.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/session/internal/session_labels.h"
#include "proxy/session/make_label_sets.h"
#include "tests/support/gateway.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"

namespace postern {

using metrics::Direction;
using metrics::Hop;
using metrics::index;
using metrics::Label;
using metrics::Metric;
using test::GatewayClient;
using test::kImplicit;
using test::kStartTls;
using test::ScriptedBackend;

constexpr size_t kPool = 1;  // the one of gateway_config(), among the values of Label::Backend

class SessionTest : public testing::Test {
 public:
  ~SessionTest() override {
    client.reset();
    gateway_.reset();
    backend.reset();
    EXPECT_TRUE(test::run_to_end(loop)) << "something still keeps the loop going";
  }

  // The first call makes the gateway; what is configured must be so by then.
  test::Gateway& gateway() {
    if (gateway_ == nullptr) {
      gateway_ = std::make_unique<test::Gateway>(loop, config);
    }
    return *gateway_;
  }
  bool until(const std::function<bool()>& done) { return test::run_until(loop, done); }
  bool hears(std::string_view text) {
    return until([&] { return client->heard(text) || client->over(); }) && client->heard(text);
  }

  void dial(size_t listener = kImplicit) {
    client = std::make_unique<GatewayClient>(loop, gateway().address(listener));
    ASSERT_TRUE(until([&] { return client->connected(); }));
  }
  // Every client of ours is a load balancer from now on.
  void behind_proxies() {
    for (ListenerConfig& listener : config.listeners) {
      listener.proxies = {net::Network::parse("127.0.0.0/8").value()};
    }
  }
  void starttls() {
    dial(kStartTls);
    ASSERT_TRUE(hears("ready, TLS first\r\n"));
    client->send("t STARTTLS\r\n");
    ASSERT_TRUE(hears("t OK"));
    client->forget();
    client->secure();
    ASSERT_TRUE(until([&] { return client->secured(); }));
  }
  void secure() {
    dial();
    client->secure();
    ASSERT_TRUE(until([&] { return client->secured() || client->over(); }));
    ASSERT_TRUE(client->secured());
  }
  void relay() {
    secure();
    ASSERT_TRUE(hears("] ready\r\n"));
  }
  void log_in() {
    relay();
    say("a LOGIN user secret", "a OK");
  }
  void say(const std::string& command, std::string_view answer) {
    client->forget();
    client->send(command + "\r\n");
    ASSERT_TRUE(hears(answer)) << command << " was answered with: " << client->received();
  }
  uint64_t figure(Metric metric, std::initializer_list<size_t> labels = {}) {
    return gateway().figure(metric, labels);
  }
  uint64_t proxy_headers(std::string_view result) {
    const size_t index = gateway().labels().index_of(Label::ProxyHeader, result);
    return figure(Metric::ProxyHeaders, {kImplicit, index}) +
           figure(Metric::ProxyHeaders, {kStartTls, index});
  }
  uint64_t handshake_failures(size_t listener, std::string_view label) {
    return figure(Metric::HandshakeFailures,
                  {listener, gateway().labels().index_of(Label::TlsFailure, label)});
  }
  uint64_t handshake_failures() {
    uint64_t sum = 0;
    for (size_t i = 0; i < gateway().labels().width(Label::TlsFailure); ++i) {
      sum += figure(Metric::HandshakeFailures, {kImplicit, i}) +
             figure(Metric::HandshakeFailures, {kStartTls, i});
    }
    return sum;
  }
  // Lets the one deadline that comes first fire, whenever that may be within the hour.
  void fire(int times = 1) {
    for (; times > 0; --times) {
      loop.deadlines().advance(loop.now_ms() + 3'600'000, 1);
    }
  }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }

  net::Loop loop;
  std::unique_ptr<ScriptedBackend> backend = std::make_unique<ScriptedBackend>(loop);
  test::ClosedPort closed_port;
  Config config = test::gateway_config({backend->host()});
  std::unique_ptr<GatewayClient> client;

 private:
  std::unique_ptr<test::Gateway> gateway_;
};

}  // namespace postern
