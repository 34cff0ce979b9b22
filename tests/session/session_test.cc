#include "proxy/session/session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "proxy/session/make_label_sets.h"
#include "tests/session/session_fixture.h"

namespace postern {
namespace {

// ---- what a client sees

TEST_F(SessionTest, HidesFromAClientWhatTlsHasMadeUntrue) {
  relay();
  EXPECT_EQ(client->received(), "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
}

TEST_F(SessionTest, GreetsByItselfOnTheStarttlsListenerAndOnlyOnce) {
  starttls();
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(client->received(), "a OK done\r\n") << "the backend's greeting is swallowed";
}

TEST_F(SessionTest, RefusesALoginInClear) {
  dial(kStartTls);
  say("a LOGIN user secret", "a NO [PRIVACYREQUIRED]");
  EXPECT_EQ(figure(Metric::CleartextLoginsRefused), 1U);
  EXPECT_EQ(backend->accepted(), 0U);
}

TEST_F(SessionTest, LetsNothingInjectedBehindStarttlsIntoTheSession) {
  dial(kStartTls);
  client->send("t STARTTLS\r\na LOGIN user secret\r\n");
  ASSERT_TRUE(until([&] { return gateway().ended(EndReason::HandshakeFailed) == 1; }));
  EXPECT_EQ(handshake_failures(kStartTls, "plaintext_imap"), 1U);
  EXPECT_EQ(backend->accepted(), 0U);
}

TEST_F(SessionTest, DialsTheBackendOnlyAfterTheHandshake) {
  dial();
  client->send_in_clear(std::string("\x16\x03\x01", 3));
  ASSERT_TRUE(until([&] { return figure(Metric::HandshakesInFlight) == 1; }));
  EXPECT_EQ(backend->accepted(), 0U);
  EXPECT_EQ(figure(Metric::BackendConnects, {1, index(kConnectSuccess)}), 0U);
}

TEST_F(SessionTest, NamesALimitInClearWhereThatCostsNothing) {
  config.limits.sessions = 0;
  dial(kStartTls);
  EXPECT_TRUE(hears("* BYE [LIMIT]"));
  EXPECT_TRUE(until([&] { return client->over(); }));
}

TEST_F(SessionTest, SaysToAClientInsideTlsThatThereIsNoBackend) {
  config.backends[0].servers = {closed_port.host()};
  secure();
  EXPECT_TRUE(hears("* BYE [UNAVAILABLE]"));
  EXPECT_TRUE(until([&] { return client->ended(); })) << "close_notify follows";
}

TEST_F(SessionTest, PassesOnWhatAClientSaidBeforeTheBackendWasThere) {
  secure();
  client->send("a LOGIN user secret\r\n");
  EXPECT_TRUE(hears("a OK done\r\n"));
}

// ---- what is counted

TEST_F(SessionTest, CountsAHandshakeOnce) {
  relay();
  uint64_t handshakes = 0;
  for (size_t cipher = 0; cipher < tls::cipher_names().size(); ++cipher) {
    for (size_t group = 0; group < tls::group_names().size(); ++group) {
      handshakes +=
          figure(Metric::Handshakes, {static_cast<size_t>(tls::Version::Tls13), cipher, group, 0});
    }
  }
  EXPECT_EQ(handshakes, 1U);
  EXPECT_EQ(figure(Metric::HandshakesInFlight), 0U);
  EXPECT_EQ(handshake_failures(), 0U);
}

TEST_F(SessionTest, GaugesFollowALoginAnIdleAndTheEnd) {
  relay();
  EXPECT_EQ(figure(Metric::SessionsActive, {kImplicit}), 1U);
  EXPECT_EQ(figure(Metric::BackendSessions, {gateway().snapshot().pools[0]->server(0).label}), 1U);
  EXPECT_EQ(figure(Metric::SessionsAuthenticated), 0U);
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(figure(Metric::SessionsAuthenticated), 1U);
  say("b IDLE", "+ idling");
  EXPECT_EQ(figure(Metric::SessionsIdle), 1U);
  say("DONE", "b OK");
  EXPECT_EQ(figure(Metric::SessionsIdle), 0U);
  say("c UNAUTHENTICATE", "c OK");
  EXPECT_EQ(figure(Metric::SessionsAuthenticated), 0U);
  say("d LOGIN user secret", "d OK");
  say("e COMPRESS DEFLATE", "e OK");
  EXPECT_EQ(figure(Metric::SessionsOpaque), 1U);
  client->finish();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(SessionTest, CountsLoginsByTheirOutcome) {
  relay();
  say("a LOGIN user wrong", "a NO");
  say("b LOGIN user secret", "b OK");
  constexpr auto kLogin = static_cast<size_t>(imap::Mechanism::Login);
  EXPECT_EQ(
      figure(Metric::Logins, {kPool, kLogin, static_cast<size_t>(imap::LoginResult::Failure)}), 1U);
  EXPECT_EQ(
      figure(Metric::Logins, {kPool, kLogin, static_cast<size_t>(imap::LoginResult::Success)}), 1U);
}

TEST_F(SessionTest, AnswersFailedLoginsLaterAndLater) {
  config.limits.login_failures = LoginFailures{.max = 3, .delay_ms = 40};
  relay();
  say("a LOGIN user wrong", "a NO");
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 1U);
  client->forget();
  client->send("b LOGIN user wrong\r\nc LOGIN user wrong\r\nd LOGIN user secret\r\n");
  ASSERT_TRUE(hears("* BYE [LIMIT] Too many failed logins")) << client->received();
  EXPECT_TRUE(
      client->heard("b NO [AUTHENTICATIONFAILED] no\r\nc NO [AUTHENTICATIONFAILED] no\r\n*"));
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 3U);
  EXPECT_EQ(figure(Metric::LoginBans), 1U);
  constexpr auto kLogin = static_cast<size_t>(imap::Mechanism::Login);
  EXPECT_EQ(
      figure(Metric::Logins, {kPool, kLogin, static_cast<size_t>(imap::LoginResult::Success)}), 0U)
      << "what was sent after the last guess is not passed on";
}

TEST_F(SessionTest, EndsTheOthersOfABannedAddressAtTheirNextGuess) {
  config.limits.login_failures = LoginFailures{.max = 1};
  relay();
  const std::unique_ptr<GatewayClient> first = std::move(client);
  relay();
  client->send("a LOGIN user wrong\r\n");
  ASSERT_TRUE(hears("* BYE [LIMIT] Too many failed logins")) << client->received();
  first->send("a CAPABILITY\r\nb LOGIN user secret\r\n");
  ASSERT_TRUE(until([&] { return first->heard("* BYE [LIMIT] Too many failed logins"); }));
  EXPECT_FALSE(first->heard("b OK"));
  constexpr auto kLogin = static_cast<size_t>(imap::Mechanism::Login);
  EXPECT_EQ(
      figure(Metric::Logins, {kPool, kLogin, static_cast<size_t>(imap::LoginResult::Success)}), 0U);
  EXPECT_EQ(gateway().ended(EndReason::Banned), 2U);
}

TEST_F(SessionTest, CountsNoRefusalOfALoginBehindALogin) {
  config.limits.login_failures = LoginFailures{.max = 1};
  log_in();
  say("s SELECT INBOX", "s OK");
  say("b LOGIN user wrong", "b NO");
  say("c NOOP", "c OK");
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U);
}

TEST_F(SessionTest, CountsARefusalBehindALoginThatTheServerHasNotTaken) {
  config.limits.login_failures = LoginFailures{.max = 2, .delay_ms = 0};
  log_in();
  say("b LOGIN user wrong", "b NO");
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 1U);
}

TEST_F(SessionTest, ForgivesFailedLoginsWhenTheRightOneComes) {
  config.limits.login_failures = LoginFailures{.max = 2, .delay_ms = 0};
  for (int i = 0; i < 3; ++i) {
    relay();
    say("a LOGIN user wrong", "a NO");
    say("b LOGIN user secret", "b OK");
  }
  EXPECT_EQ(figure(Metric::LoginBans), 0U);
  relay();
  say("a LOGIN user wrong", "a NO");
  say("b LOGIN other secret", "b OK");
  relay();
  client->send("a LOGIN user wrong\r\n");
  EXPECT_TRUE(hears("* BYE")) << "another one's success is no excuse";
}

TEST_F(SessionTest, TakesAPortCheckForWhatItIs) {
  dial();
  client->end();
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  EXPECT_EQ(gateway().ended(EndReason::ClientClosed), 1U);
  EXPECT_EQ(handshake_failures(), 0U);
  EXPECT_EQ(backend->accepted(), 0U);
}

TEST_F(SessionTest, NamesAHandshakeThatTimedOut) {
  dial();
  ASSERT_TRUE(until([&] { return figure(Metric::SessionsActive, {kImplicit}) == 1; }));
  pass_ms(config.timeouts.handshake_ms + 100);
  EXPECT_EQ(gateway().ended(EndReason::HandshakeTimeout), 1U);
  EXPECT_EQ(handshake_failures(kImplicit, "timeout"), 1U);
}

TEST_F(SessionTest, GivesAHandshakesPlaceBackWhenItTimesOut) {
  config.limits.handshakes_in_flight = 1;
  dial();
  client->send_in_clear("\x16\x03\x01");
  ASSERT_TRUE(until([&] { return figure(Metric::HandshakesInFlight) == 1; }));
  pass_ms(config.timeouts.handshake_ms + 100);
  EXPECT_EQ(gateway().ended(EndReason::HandshakeTimeout), 1U);
  relay();
}

TEST_F(SessionTest, SpendsNoHandshakesPlaceOnAClientThatSaysNothing) {
  config.limits.handshakes_in_flight = 1;
  dial();
  const std::unique_ptr<GatewayClient> silent = std::move(client);
  relay();
  EXPECT_EQ(gateway().ended(), 0U);
}

TEST_F(SessionTest, GivesAHandshakesPlaceBackWhenItIsDone) {
  config.limits.handshakes_in_flight = 1;
  relay();
  const std::unique_ptr<GatewayClient> first = std::move(client);
  relay();
  EXPECT_EQ(gateway().ended(), 0U);
}

TEST_F(SessionTest, ForwardsBothWaysThroughSlowReaders) {
  log_in();
  client->pause();
  client->send("b FETCH 8000000\r\n");
  ASSERT_TRUE(until([&] { return figure(Metric::ReadPauses, {index(Hop::Backend)}) > 0; }));
  client->resume();
  EXPECT_TRUE(hears("b OK done\r\n"));
  EXPECT_GT(client->received().size(), 8'000'000U);
  backend->last().pause();
  client->send("c APPEND box {8000000+}\r\n" + std::string(8'000'000, 'x') + "\r\n");
  ASSERT_TRUE(until([&] { return figure(Metric::ReadPauses, {index(Hop::Client)}) > 0; }));
  backend->last().resume();
  EXPECT_TRUE(hears("c OK done\r\n"));
}

// ---- one deadline from accept to login, which no byte resets

// A client that sends one byte at each tick of the clock.
class Dripping final : private net::Deadline {
 public:
  Dripping(net::Loop& loop, std::function<void()> drip) : loop_(loop), drip_(std::move(drip)) {
    arm(loop_.deadlines(), 0);
  }
  int drops() const { return drops_; }

 private:
  void on_deadline() override {
    ++drops_;
    drip_();
    arm(loop_.deadlines(), 0);
  }
  net::Loop& loop_;
  std::function<void()> drip_;
  int drops_ = 0;
};

TEST_F(SessionTest, EndsAHandshakeThatDripsWhenItsTimeIsUp) {
  config.timeouts.handshake_ms = 300;
  dial();
  // A ClientHello's first record, which announces more than will ever come.
  std::string hello("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11);
  const Dripping dripping(loop, [&] {
    client->send_in_clear(hello.substr(0, 1));
    hello.erase(0, hello.size() > 1 ? 1 : 0);
  });
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  EXPECT_EQ(gateway().ended(EndReason::HandshakeTimeout), 1U);
  EXPECT_GE(dripping.drops(), 5);
}

TEST_F(SessionTest, EndsALoginThatDripsWhenItsTimeIsUp) {
  config.timeouts.login_ms = 400;
  relay();
  const Dripping dripping(loop, [&] { client->send("x"); });
  EXPECT_TRUE(hears("* BYE Login took too long\r\n"));
  EXPECT_EQ(gateway().ended(EndReason::LoginTimeout), 1U);
  EXPECT_GE(dripping.drops(), 5);
}

TEST_F(SessionTest, EndsACleartextDialogueThatDripsWhenItsTimeIsUp) {
  config.timeouts.login_ms = 400;
  dial(kStartTls);
  const Dripping dripping(loop, [&] { client->send("x"); });
  EXPECT_TRUE(hears("* BYE Login took too long\r\n"));
  EXPECT_EQ(gateway().ended(EndReason::LoginTimeout), 1U);
}

TEST_F(SessionTest, KeepsASessionThatIsNotIdle) {
  config.timeouts.idle_ms = 300;
  log_in();
  int answers = 0;
  const Dripping dripping(loop, [&] {
    client->send("n NOOP\r\n");
    ++answers;
  });
  EXPECT_TRUE(until([&] { return answers > 30; }));  // about a second
  EXPECT_EQ(gateway().ended(), 0U);
}

// Such a socket has no peer: neither `limits.deny` nor a ban could judge it.
TEST_F(SessionTest, DropsAConnectionThatWasResetBeforeItWasAccepted) {
  config.limits.deny = {net::Network::parse("127.0.0.0/8").value()};
  sockaddr_storage to{};
  const unsigned length = gateway().address(kImplicit).to(to);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), length), 0);
  ASSERT_EQ(send(fd, "\x16", 1, MSG_NOSIGNAL), 1);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  close(fd);
  EXPECT_TRUE(until([&] { return gateway().ended(EndReason::ClientFailed) == 1; }));
  EXPECT_EQ(gateway().ended(EndReason::Denied), 0U);
  EXPECT_EQ(gateway().admission().sessions(), 0U);
}

}  // namespace
}  // namespace postern
