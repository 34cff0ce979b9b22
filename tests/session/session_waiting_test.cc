// Who gives way when all places are taken: the session that has waited the longest for its client,
// and never one that has logged in or waits for its server.
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "proxy/session/session.h"
#include "tests/session/session_fixture.h"

namespace postern {
namespace {

class SessionWaitingTest : public SessionTest {
 public:
  // The client so far stays connected, beside the next one.
  GatewayClient& keep() {
    kept_.push_back(std::move(client));
    return *kept_.back();
  }
  ~SessionWaitingTest() override { kept_.clear(); }

 private:
  std::vector<std::unique_ptr<GatewayClient>> kept_;
};

TEST_F(SessionWaitingTest, TheOldestSilentClientGivesWay) {
  config.limits.sessions = 2;
  dial();
  GatewayClient& first = keep();
  dial();
  GatewayClient& second = keep();
  relay();
  EXPECT_TRUE(first.over());
  EXPECT_FALSE(second.over());
  EXPECT_EQ(gateway().ended(EndReason::GaveWay), 1U);
  EXPECT_EQ(gateway().admission().sessions(), 2U);
}

TEST_F(SessionWaitingTest, AClientInClearHearsThatItGaveWay) {
  config.limits.sessions = 1;
  dial(kStartTls);
  ASSERT_TRUE(hears("TLS first"));
  GatewayClient& first = keep();
  relay();
  EXPECT_TRUE(until([&] { return first.over(); }));
}

TEST_F(SessionWaitingTest, AClientBeforeLoginHearsWhyItGaveWay) {
  config.limits.sessions = 1;
  relay();
  GatewayClient& first = keep();
  relay();
  EXPECT_TRUE(until([&] { return first.heard("* BYE [LIMIT] Too many connections"); }));
  EXPECT_TRUE(until([&] { return first.over(); }));
}

TEST_F(SessionWaitingTest, AClientThatHasLoggedInStays) {
  config.limits.sessions = 1;
  log_in();
  GatewayClient& first = keep();
  dial(kStartTls);
  EXPECT_TRUE(hears("* BYE [LIMIT]"));
  EXPECT_FALSE(first.over());
  EXPECT_EQ(gateway().ended(EndReason::LimitSessions), 1U);
}

TEST_F(SessionWaitingTest, AClientWhoseLoginIsAtTheServerStays) {
  config.limits.sessions = 1;
  backend->options().answers = false;
  relay();
  client->send("a LOGIN user secret\r\n");
  ASSERT_TRUE(until([&] { return backend->last().heard().find("LOGIN") != std::string::npos; }));
  GatewayClient& first = keep();
  dial(kStartTls);
  EXPECT_TRUE(hears("* BYE [LIMIT]"));
  EXPECT_FALSE(first.over());
}

// The client has the server's challenge and keeps silent.
TEST_F(SessionWaitingTest, AClientWhoseLoginWaitsForItGivesWay) {
  config.limits.sessions = 1;
  backend->options().answers = false;
  relay();
  client->send("a AUTHENTICATE XOAUTH2 dXNlcg==\r\n");
  ASSERT_TRUE(until([&] { return backend->last().heard().find("XOAUTH2") != std::string::npos; }));
  backend->last().say("+ e30=\r\n");
  ASSERT_TRUE(hears("+ e30="));
  GatewayClient& first = keep();
  relay();
  EXPECT_TRUE(until([&] { return first.over(); }));
}

TEST_F(SessionWaitingTest, AClientThatHasAnsweredTheChallengeStays) {
  config.limits.sessions = 1;
  backend->options().answers = false;
  relay();
  client->send("a AUTHENTICATE XOAUTH2 dXNlcg==\r\n");
  ASSERT_TRUE(until([&] { return backend->last().heard().find("XOAUTH2") != std::string::npos; }));
  backend->last().say("+ e30=\r\n");
  ASSERT_TRUE(hears("+ e30="));
  client->send("AQ==\r\n");
  ASSERT_TRUE(until([&] { return backend->last().heard().find("AQ==") != std::string::npos; }));
  GatewayClient& first = keep();
  dial(kStartTls);
  EXPECT_TRUE(hears("* BYE [LIMIT]"));
  EXPECT_FALSE(first.over());
}

TEST_F(SessionWaitingTest, NoClientGivesWayToOneThatIsRefused) {
  config.limits.sessions = 1;
  config.limits.sessions_per_address = 1;
  dial(kStartTls);
  ASSERT_TRUE(hears("TLS first"));
  GatewayClient& first = keep();
  dial(kStartTls);
  EXPECT_TRUE(hears("* BYE [LIMIT]"));
  EXPECT_FALSE(first.over());
  EXPECT_EQ(gateway().ended(EndReason::LimitAddress), 1U);
  EXPECT_EQ(gateway().ended(EndReason::GaveWay), 0U);
  EXPECT_EQ(gateway().admission().sessions(), 1U);
}

TEST_F(SessionWaitingTest, AfterARefusedLoginAClientWaitsFromThenOn) {
  config.limits.sessions = 2;
  relay();
  say("a NOOP", "a OK");
  GatewayClient& first = keep();
  relay();
  GatewayClient& second = keep();
  first.send("b LOGIN user wrong\r\n");
  ASSERT_TRUE(until([&] { return first.heard("b NO"); }));
  relay();
  EXPECT_TRUE(until([&] { return second.over(); }));
  EXPECT_FALSE(first.over());
}

TEST_F(SessionWaitingTest, AClientThatMustOnlyHangUpGivesWay) {
  config.limits.sessions = 1;
  log_in();
  say("b LOGOUT", "b OK");
  ASSERT_TRUE(until([&] { return gateway().ended(EndReason::ClientLogout) == 1; }));
  keep();
  relay();
  EXPECT_EQ(gateway().ended(EndReason::LimitSessions), 0U);
}

TEST_F(SessionWaitingTest, OnlyAClientOfTheSameListenerGivesWayForItsLimit) {
  config.listeners[kImplicit].sessions = 1;
  dial(kStartTls);
  ASSERT_TRUE(hears("TLS first"));
  GatewayClient& other = keep();
  dial(kImplicit);
  GatewayClient& first = keep();
  relay();
  EXPECT_TRUE(until([&] { return first.over(); }));
  EXPECT_FALSE(other.over());
}

TEST_F(SessionWaitingTest, AClientWithoutItsProxyHeaderGivesWay) {
  config.limits.sessions = 1;
  behind_proxies();
  dial();
  GatewayClient& first = keep();
  dial();
  EXPECT_TRUE(until([&] { return first.over(); }));
  EXPECT_FALSE(client->over());
}

TEST_F(SessionWaitingTest, TheOldestHandshakeGivesWay) {
  config.limits.handshakes_in_flight = 1;
  dial();
  client->send_in_clear(std::string("\x16\x03\x01", 3));
  ASSERT_TRUE(until([&] { return figure(Metric::HandshakesInFlight) == 1; }));
  GatewayClient& first = keep();
  relay();
  EXPECT_TRUE(first.over());
  EXPECT_EQ(gateway().ended(EndReason::GaveWay), 1U);
  EXPECT_EQ(gateway().ended(EndReason::LimitHandshakes), 0U);
}

TEST_F(SessionWaitingTest, NoHandshakeOfOthersGivesWayForTheLimitOfAnAddress) {
  config.limits.handshakes_in_flight = 1;  // both limits are reached
  config.limits.handshakes_per_address = 1;
  dial();
  client->send_in_clear(std::string("\x16\x03\x01", 3));
  ASSERT_TRUE(until([&] { return figure(Metric::HandshakesInFlight) == 1; }));
  GatewayClient& first = keep();
  dial();
  client->send_in_clear(std::string("\x16\x03\x01", 3));
  EXPECT_TRUE(until([&] { return client->over(); }));
  EXPECT_FALSE(first.over());
  EXPECT_EQ(gateway().ended(EndReason::LimitHandshakes), 1U);
}

// ---- what a client may say before login, in all

TEST_F(SessionWaitingTest, EndsAfterTooManyGoodCommandsBeforeLogin) {
  config.limits.commands_before_login = 3;
  relay();
  client->send("a NOOP\r\nb NOOP\r\nc NOOP\r\nd NOOP\r\n");
  EXPECT_TRUE(hears("* BYE [LIMIT] Too many commands before login\r\n"));
  EXPECT_EQ(gateway().ended(EndReason::ClientViolation), 1U);
  EXPECT_EQ(backend->last().heard().find("d NOOP"), std::string::npos);
}

TEST_F(SessionWaitingTest, CountsTheCommandsBeforeTlsAsWell) {
  config.limits.commands_before_login = 3;
  dial(kStartTls);
  say("a NOOP", "a OK");
  say("t STARTTLS", "t OK");
  client->forget();
  client->secure();
  ASSERT_TRUE(until([&] { return client->secured(); }));
  say("c NOOP", "c OK");
  client->send("d NOOP\r\n");
  EXPECT_TRUE(hears("* BYE [LIMIT] Too many commands before login\r\n"));
}

TEST_F(SessionWaitingTest, EndsAfterTooManyCommandsBeforeTls) {
  config.limits.commands_before_login = 3;
  dial(kStartTls);
  client->send("a NOOP\r\nb NOOP\r\nc NOOP\r\nd NOOP\r\n");
  EXPECT_TRUE(hears("c OK NOOP completed\r\n* BYE [LIMIT] Too many commands before TLS\r\n"));
}

TEST_F(SessionWaitingTest, CountsNothingAfterLogin) {
  config.limits.commands_before_login = 3;
  log_in();
  for (const char* tag : {"b", "c", "d", "e"}) {
    say(std::string(tag) + " NOOP", std::string(tag) + " OK");
  }
}

}  // namespace
}  // namespace postern
