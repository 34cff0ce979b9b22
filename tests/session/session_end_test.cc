// Every way a session can end, as a table: how it is brought about and what it is called. Each is
// counted exactly once, and everything that the session took is given back.
#include <algorithm>
#include <functional>
#include <iterator>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "proxy/session/session.h"
#include "tests/session/session_fixture.h"
#include "tests/session/session_stages.h"

namespace postern {
namespace {

struct End {
  const char* name;
  EndReason reason;
  std::function<void(SessionTest&)> bring_about;
  const char* last_words = "";  // what the client hears at the end
  uint64_t others = 0;          // sessions that end beside it
  friend void PrintTo(const End& end, std::ostream* out) { *out << end.name; }
};

const End kEnds[] = {
    // ---- the client
    {"PortCheck", EndReason::ClientClosed,
     [](SessionTest& test) {
       test.dial();
       test.client->end();
     }},
    {"PortCheckOfAProbe", EndReason::Probe,
     [](SessionTest& test) {
       test.config.probes = {net::Network::parse("127.0.0.0/8").value()};
       test.dial();
       test.client->end();
     }},
    {"ClosedBeforeStarttls", EndReason::ClientClosed,
     [](SessionTest& test) {
       test.dial(kStartTls);
       test.client->finish();
     }},
    {"ClosedAfterLogin", EndReason::ClientClosed,
     [](SessionTest& test) {
       test.log_in();
       test.client->finish();
     }},
    {"ClosedWithoutCloseNotify", EndReason::ClientClosed,
     [](SessionTest& test) {
       test.log_in();
       test.client->end();
     }},
    {"ClosedWhileMuchIsOnItsWay", EndReason::ClientClosed,
     [](SessionTest& test) {
       test.log_in();
       test.client->pause();
       test.client->send("b FETCH 8000000\r\n");
       test.client->finish();
       ASSERT_TRUE(
           test.until([&] { return test.figure(Metric::ReadPauses, {index(Hop::Backend)}) > 0; }));
       test.client->resume();
       ASSERT_TRUE(test.hears("b OK done\r\n"));
     }},
    {"ClosedAndTheBackendGoesOn", EndReason::ClientClosed,
     [](SessionTest& test) {
       test.backend->options().lingers = true;
       test.log_in();
       test.client->send("b WAIT\r\n");
       test.client->finish();
       ASSERT_TRUE(test.until([&] { return test.backend->last().ended(); }));
       test.pass_ms(Relay::kHalfClosedMs + 100);
     }},
    {"Logout", EndReason::ClientLogout,
     [](SessionTest& test) {
       test.log_in();
       test.client->send("z LOGOUT\r\n");
     },
     "z OK done\r\n"},
    {"LogoutBeforeTls", EndReason::ClientLogout,
     [](SessionTest& test) {
       test.dial(kStartTls);
       test.client->send("z LOGOUT\r\n");
     },
     "z OK"},
    {"ResetBeforeTls", EndReason::ClientFailed,
     [](SessionTest& test) {
       test.dial(kStartTls);
       ASSERT_TRUE(test.hears("ready, TLS first\r\n"));
       test.client->reset();
     }},
    {"Reset", EndReason::ClientFailed,
     [](SessionTest& test) {
       test.log_in();
       test.client->reset();
     }},
    {"LineTooLong", EndReason::ClientViolation,
     [](SessionTest& test) {
       test.relay();
       test.client->send("a LOGIN " + std::string(200 * kKiB, 'x'));
     },
     "* BYE [LIMIT] Command line too long\r\n"},
    {"TlsOnTheCleartextPort", EndReason::ClientViolation,
     [](SessionTest& test) {
       test.dial(kStartTls);
       test.client->send(std::string("\x16\x03\x01\x00\x10", 5));
     }},
    // ---- the handshake
    {"ImapOnTheTlsPort", EndReason::HandshakeFailed,
     [](SessionTest& test) {
       test.dial();
       test.client->send("a CAPABILITY\r\n");
     }},
    {"HandshakeBrokenOff", EndReason::HandshakeFailed,
     [](SessionTest& test) {
       half_shaken(test);
       test.client->end();
     }},
    {"HandshakeReset", EndReason::HandshakeFailed,
     [](SessionTest& test) {
       half_shaken(test);
       test.client->reset();
     }},
    {"HandshakeTakesTooLong", EndReason::HandshakeTimeout,
     [](SessionTest& test) {
       half_shaken(test);
       test.pass_ms(test.config.timeouts.handshake_ms + 100);
     }},
    // ---- the PROXY header
    {"ProxyHeaderMissing", EndReason::ProxyHeaderMissing,
     [](SessionTest& test) {
       test.behind_proxies();
       test.dial(kStartTls);
       test.client->send("a NOOP\r\n");
     }},
    {"ProxyHeaderFromNobodyWeKnow", EndReason::ProxyHeaderRefused,
     [](SessionTest& test) {
       test.dial();
       test.client->send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
     }},
    {"ProxyHeaderCutOff", EndReason::ProxyHeaderInvalid,
     [](SessionTest& test) {
       test.behind_proxies();
       test.dial();
       test.client->send("PROXY TCP4 192.0.2.1 192.0.2.2 1");
       test.client->end();
     }},
    {"ProxyHeaderTakesTooLong", EndReason::ProxyHeaderTimeout,
     [](SessionTest& test) {
       test.behind_proxies();
       test.dial(kStartTls);
       ASSERT_TRUE(
           test.until([&] { return test.figure(Metric::SessionsActive, {kStartTls}) == 1; }));
       test.pass_ms(test.config.timeouts.handshake_ms + 100);
     }},
    {"CutBeforeTheProxyHeader", EndReason::Aborted,
     [](SessionTest& test) {
       test.behind_proxies();
       test.dial(kStartTls);
       ASSERT_TRUE(
           test.until([&] { return test.figure(Metric::SessionsActive, {kStartTls}) == 1; }));
       test.gateway().cut();
     }},
    {"DrainedBeforeTheProxyHeader", EndReason::Drained,
     [](SessionTest& test) {
       test.behind_proxies();
       test.dial(kStartTls);
       ASSERT_TRUE(
           test.until([&] { return test.figure(Metric::SessionsActive, {kStartTls}) == 1; }));
       drain(test);
       test.client->send("PROXY UNKNOWN\r\n");
     },
     "* BYE [UNAVAILABLE] Server is going down"},
    // ---- time
    {"CleartextDialogueTakesTooLong", EndReason::LoginTimeout,
     [](SessionTest& test) {
       test.dial(kStartTls);
       ASSERT_TRUE(test.hears("ready, TLS first\r\n"));
       test.pass_ms(test.config.timeouts.login_ms + 100);
     },
     "* BYE Login took too long\r\n"},
    {"ConnectingTakesTooLong", EndReason::LoginTimeout,
     [](SessionTest& test) {
       test.config.timeouts.connect_ms = 3'600'000;
       connecting(test);
       test.pass_ms(test.config.timeouts.login_ms + 100);
     },
     "* BYE Login took too long\r\n"},
    {"LoginTakesTooLong", EndReason::LoginTimeout,
     [](SessionTest& test) {
       test.relay();
       test.pass_ms(test.config.timeouts.login_ms + 100);
     },
     "* BYE Login took too long\r\n"},
    {"LoginAfterUnauthenticateTakesTooLong", EndReason::LoginTimeout,
     [](SessionTest& test) {
       test.log_in();
       test.say("b UNAUTHENTICATE", "b OK");
       test.pass_ms(test.config.timeouts.login_ms + 100);
     },
     "* BYE Login took too long\r\n"},
    {"IdleTooLong", EndReason::IdleTimeout,
     [](SessionTest& test) {
       test.config.timeouts.idle_ms = 100;
       test.log_in();
     },
     "* BYE Autologout; idle for too long\r\n"},
    // ---- limits
    {"TooManySessions", EndReason::LimitSessions,
     [](SessionTest& test) {
       test.config.limits.sessions = 0;
       test.dial(kStartTls);
     },
     "* BYE [LIMIT]"},
    {"TooManySessionsOfAnAddress", EndReason::LimitAddress,
     [](SessionTest& test) {
       test.config.limits.sessions_per_address = 0;
       test.dial();
     }},
    {"ANewcomerNeedsItsPlace", EndReason::GaveWay,
     [](SessionTest& test) {
       test.config.limits.sessions = 1;
       test.dial(kStartTls);
       EXPECT_TRUE(test.hears("TLS first"));
       auto newcomer =
           std::make_unique<GatewayClient>(test.loop, test.gateway().address(kImplicit));
       EXPECT_TRUE(test.until([&] { return test.client->over(); }));
     },
     "", 1},
    {"TooManyHandshakes", EndReason::LimitHandshakes,
     [](SessionTest& test) {
       test.config.limits.handshakes_in_flight = 0;
       test.dial();
       test.client->send_in_clear("\x16\x03\x01");
     }},
    {"TooManyHandshakesAfterStarttls", EndReason::LimitHandshakes,
     [](SessionTest& test) {
       test.config.limits.handshakes_in_flight = 0;
       test.dial(kStartTls);
       test.client->send("t STARTTLS\r\n\x16\x03\x01");
     }},
    {"NoMemoryForASession", EndReason::LimitMemory,
     [](SessionTest& test) {
       test.gateway().admission().memory().set_limit(800);
       test.gateway().admission().memory().sampled(700);
       test.dial(kStartTls);
     },
     "* BYE [LIMIT]"},
    {"NoMemoryForASlowReader", EndReason::LimitMemory,
     [](SessionTest& test) {
       test.log_in();
       test.client->pause();
       test.gateway().admission().memory().set_limit(800);
       test.gateway().admission().memory().sampled(800);
       test.client->send("b FETCH 64000000\r\n");
     }},
    {"TooManySessionsOfAListener", EndReason::LimitListener,
     [](SessionTest& test) {
       test.config.listeners[kStartTls].sessions = 1;
       const auto other = test.gateway().admission().admit_session(test.config, kStartTls);
       test.dial(kStartTls);
       EXPECT_TRUE(test.hears("* BYE [LIMIT]"));
     },
     "* BYE [LIMIT]"},
    {"TooManyConnectionsOfAnAddress", EndReason::LimitRate,
     [](SessionTest& test) {
       test.config.limits.connections_per_address = {.max = 1, .per_ms = 3'600'000};
       Admission& admission = test.gateway().admission();
       auto other = admission.admit_session(test.config, kStartTls);
       EXPECT_FALSE(
           admission.admit_address(std::get<Admission::SessionPermit>(other), test.config.limits,
                                   net::Address::parse("127.0.0.1:1").value(), test.loop.now_ms()));
       test.dial(kStartTls);
     },
     "* BYE [LIMIT]"},
    {"TooManyFailedLogins", EndReason::Banned,
     [](SessionTest& test) {
       test.config.limits.login_failures = LoginFailures{.max = 1};
       test.relay();
       test.client->send("a LOGIN user wrong\r\n");
     },
     "* BYE [LIMIT] Too many failed logins"},
    {"BannedBefore", EndReason::Banned,
     [](SessionTest& test) {
       LoginFailures rules{.max = 1};
       test.config.limits.login_failures = rules;
       test.gateway().admission().logins().failed(rules, net::Address::parse("127.0.0.1:1").value(),
                                                  1, test.loop.now_ms());
       test.dial(kStartTls);
     },
     "* BYE [LIMIT] Too many failed logins"},
    {"NetworkDenied", EndReason::Denied,
     [](SessionTest& test) {
       test.config.limits.deny = {net::Network::parse("127.0.0.0/8").value()};
       test.dial(kStartTls);
     },
     "* BYE [LIMIT] Connections from your network"},
    // ---- the backend
    {"BackendRefuses", EndReason::BackendUnavailable,
     [](SessionTest& test) {
       test.config.backends[0].servers = {test.closed_port.host()};
       test.secure();
     },
     "* BYE [UNAVAILABLE]"},
    {"BackendIsFull", EndReason::LimitBackend,
     [](SessionTest& test) {
       test.config.backends[0].servers[0].max_sessions = 1;
       come_second(test);
     },
     "* BYE [LIMIT]", 1},
    {"BackendIsSilent", EndReason::BackendUnavailable,
     [](SessionTest& test) {
       connecting(test);
       test.pass_ms(test.config.timeouts.connect_ms + 100);
     },
     "* BYE [UNAVAILABLE]"},
    {"NobodySaysWhereTheUserIs", EndReason::LookupUnavailable, asks_in_vain, "* BYE [UNAVAILABLE]"},
    {"BackendHangsUp", EndReason::BackendClosed,
     [](SessionTest& test) {
       test.log_in();
       test.backend->last().hang_up();
     },
     "* BYE [UNAVAILABLE]"},
    {"BackendResets", EndReason::BackendFailed,
     [](SessionTest& test) {
       test.log_in();
       test.backend->last().reset();
     },
     "* BYE [UNAVAILABLE]"},
    {"BackendResetsInsideALiteral", EndReason::BackendFailed,
     [](SessionTest& test) {
       inside_a_literal(test);
       test.backend->last().reset();
     },
     "only this much"},
    {"BackendBreaksTheProtocol", EndReason::BackendViolation,
     [](SessionTest& test) {
       test.log_in();
       test.backend->last().say("* CAPABILITY " + std::string(100 * kKiB, 'x'));
     },
     "* BYE [UNAVAILABLE]"},
    // ---- stopping
    {"DrainedBeforeTls", EndReason::Drained,
     [](SessionTest& test) {
       test.dial(kStartTls);
       ASSERT_TRUE(test.hears("ready, TLS first\r\n"));
       drain(test);
     },
     "* BYE [UNAVAILABLE] Server is going down"},
    {"DrainedInTheHandshake", EndReason::Drained,
     [](SessionTest& test) {
       test.dial();
       ASSERT_TRUE(
           test.until([&] { return test.figure(Metric::SessionsActive, {kImplicit}) == 1; }));
       drain(test);
       test.client->secure();
     },
     "* BYE [UNAVAILABLE] Server is going down"},
    {"DrainedWhileConnecting", EndReason::Drained,
     [](SessionTest& test) {
       connecting(test);
       drain(test);
     },
     "* BYE [UNAVAILABLE] Server is going down"},
    {"DrainedWhileRelaying", EndReason::Drained,
     [](SessionTest& test) {
       test.log_in();
       drain(test);
     },
     "* BYE [UNAVAILABLE] Server is going down"},
    {"DrainedOnceALiteralIsComplete", EndReason::Drained,
     [](SessionTest& test) {
       inside_a_literal(test);
       drain(test);
       EXPECT_EQ(test.gateway().ended(), 0U);
       test.backend->last().say(std::string(1000 - 14, 'x') + ")\r\n");
     },
     "* BYE [UNAVAILABLE] Server is going down"},
    {"DrainedAfterItsEnd", EndReason::IdleTimeout,
     [](SessionTest& test) {
       test.config.timeouts.idle_ms = 100;
       test.log_in();
       ASSERT_TRUE(test.until([&] { return test.gateway().ended() == 1; }));
       drain(test);
     },
     "* BYE Autologout"},
    {"CutBeforeTls", EndReason::Aborted,
     [](SessionTest& test) {
       test.dial(kStartTls);
       ASSERT_TRUE(test.hears("ready, TLS first\r\n"));
       test.gateway().cut();
     }},
    {"CutInTheHandshake", EndReason::Aborted,
     [](SessionTest& test) {
       half_shaken(test);
       test.gateway().cut();
     }},
    {"CutWhileConnecting", EndReason::Aborted,
     [](SessionTest& test) {
       connecting(test);
       test.gateway().cut();
     }},
    {"CutInsideALiteral", EndReason::Aborted,
     [](SessionTest& test) {
       inside_a_literal(test);
       drain(test);
       test.gateway().cut();
     },
     "only this much"},
    {"CutWhileIdling", EndReason::Aborted,
     [](SessionTest& test) {
       test.log_in();
       test.say("b IDLE", "+ idling");
       test.gateway().cut();
     },
     "* BYE [UNAVAILABLE] Server is going down"},
};

class SessionEnd : public SessionTest, public testing::WithParamInterface<End> {};
INSTANTIATE_TEST_SUITE_P(Way, SessionEnd, testing::ValuesIn(kEnds),
                         [](const auto& end) { return std::string(end.param.name); });

TEST_P(SessionEnd, IsCountedOnceAndGivesEverythingBack) {
  GetParam().bring_about(*this);
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_TRUE(until([&] { return gateway().ended() > 0; }));
  EXPECT_EQ(gateway().ended(GetParam().reason), 1U);
  if (*GetParam().last_words != '\0') {
    EXPECT_TRUE(hears(GetParam().last_words)) << "but only: " << client->received();
    EXPECT_TRUE(until([&] { return client->over(); }));
  }
  client.reset();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); })) << "it lingers when its client has gone";
  EXPECT_EQ(gateway().ended(), 1 + GetParam().others);
  EXPECT_TRUE(until([&] { return backend->open() == 0; })) << "a connection was left behind";
}

TEST(EndReason, EachIsReachedByATest) {
  for (size_t i = 0; i < kCountOf<EndReason>; ++i) {
    const bool reached = std::any_of(std::begin(kEnds), std::end(kEnds), [i](const End& end) {
      return end.reason == static_cast<EndReason>(i);
    });
    EXPECT_TRUE(reached) << name_of(static_cast<EndReason>(i));
  }
}

}  // namespace
}  // namespace postern
