// The checks of a server's health: what they say to it, and what they make of its answers.
#include "proxy/backend/health_checks.h"
#include "tests/backend/dialer_fixture.h"

namespace postern {
namespace {

class ServerCheckTest : public DialerTest {
 protected:
  ServerCheckTest() { config.health = HealthConfig{.interval_ms = 50, .rise = 2, .fall = 2}; }
  ~ServerCheckTest() override {
    health_checks.stop();
    loop.run_once(0);
  }
  void follow() { health_checks.follow({std::shared_ptr<Pool>(std::shared_ptr<Pool>(), &pool())}); }
  uint64_t probes(std::string_view result) {
    return counters
        .cell_at(Metric::BackendProbes, {1, labels.index_of(metrics::Label::ConnectResult, result)})
        .value();
  }
  bool probed(std::string_view result, uint64_t times) {
    return run_until(loop, [&] { return probes(result) >= times; });
  }
  ServerState state() { return pool().server(0).health->state(config.servers[0]); }
  // A server without a listener.
  void closed_server() { config.servers.push_back(closed_port.host()); }

  HealthChecks health_checks{services};
};

TEST_F(ServerCheckTest, AsksForCapabilitiesAndSaysGoodbye) {
  ScriptedBackend& server = backend();
  config.health->interval_ms = 10'000;
  follow();
  ASSERT_TRUE(probed("success", 1));
  ASSERT_TRUE(run_until(loop, [&] { return server.last().ended(); }));
  EXPECT_THAT(server.last().heard(), ContainsRegex("^[^ ]+ CAPABILITY\r\nz LOGOUT\r\n$"));
  EXPECT_EQ(server.accepted(), 1U);
  EXPECT_EQ(state(), ServerState::Up);
}

TEST_F(ServerCheckTest, NamesNoClientInAProxyHeader) {
  ScriptedBackend& server = backend();
  config.client_identity = ClientIdentity::ProxyV1;
  follow();
  ASSERT_TRUE(probed("success", 1));
  EXPECT_TRUE(server.last().heard().starts_with("PROXY UNKNOWN\r\n"));
}

TEST_F(ServerCheckTest, GoesThroughTheTlsOfTheHop) {
  config.tls = BackendTls::StartTls;
  backend();
  follow();
  EXPECT_TRUE(probed("success", 1));
}

TEST_F(ServerCheckTest, ARowOfFailuresTakesTheServerDown) {
  closed_server();
  const auto lines = lines_while([&] {
    follow();
    ASSERT_TRUE(probed("connection_refused", 1));
    EXPECT_EQ(state(), ServerState::Up);
    ASSERT_TRUE(probed("connection_refused", 2));
    EXPECT_EQ(state(), ServerState::Down);
    ASSERT_TRUE(probed("connection_refused", 3));
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], ContainsRegex("backend failed .*reason=connection_refused"));
  EXPECT_THAT(lines[1], ContainsRegex("backend is down .*reason=connection_refused"));
}

TEST_F(ServerCheckTest, ARowOfSuccessesBringsItBack) {
  backend();
  follow();
  ASSERT_TRUE(probed("success", 1));
  breaker(0).fell(loop.now_ms());
  log::configure(log::Format::Text, log::Level::Info);
  const auto lines = test::logged(
      [&] { ASSERT_TRUE(run_until(loop, [&] { return state() == ServerState::Up; })); });
  EXPECT_THAT(lines, Contains(ContainsRegex("backend serves again")));
  EXPECT_GT(pool().server(0).health->back_ms, 0U) << "its share grows from here";
}

TEST_F(ServerCheckTest, ASessionNeedNotFindOutWhetherACheckedServerIsBack) {
  backend();
  backend();
  pool().server(0).addresses.store({backends[0]->address()}, loop.now_ms() + 600'000);
  breaker(0).fell(0);
  EXPECT_FALSE(breaker(0).rests(loop.now_ms() + 60'000)) << "a session may try it again";
  ASSERT_TRUE(dials());
  EXPECT_EQ(place.server(), &pool().server(1));
  EXPECT_EQ(backends[0]->accepted(), 0U);
}

TEST_F(ServerCheckTest, AServerThatCannotBeFoundIsDown) {
  config.servers = {{"no-such-host.invalid", 143}};
  follow();
  ASSERT_TRUE(run_until(loop, [&] { return state() == ServerState::Suspect; }));
  EXPECT_TRUE(run_until(loop, [&] { return state() == ServerState::Down; }));
}

TEST_F(ServerCheckTest, LeavesNothingWhenItStops) {
  ScriptedBackend& server = backend({.greeting = ""});
  follow();
  ASSERT_TRUE(accepted(0, 1));
  health_checks.stop();
  EXPECT_TRUE(run_until(loop, [&] { return server.open() == 0; }));
  pass_ms(60'000);
  loop.run_once(10);
  EXPECT_EQ(server.accepted(), 1U);
}

}  // namespace
}  // namespace postern
