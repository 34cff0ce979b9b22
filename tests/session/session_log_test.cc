// What the log says of sessions: which lines, at which level, with which fields.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "proxy/log/log.h"
#include "proxy/log/rate_limiter.h"
#include "tests/session/session_fixture.h"
#include "tests/support/logged.h"

namespace postern {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SessionLogTest : public SessionTest {
 public:
  // What is logged of all that `work` begins.
  template <typename Work>
  std::vector<std::string> lines_of(Work work, log::Level level = log::Level::Info) {
    gateway();  // which asks for errors alone
    log::configure(log::Format::Text, level);
    std::vector<std::string> lines = test::logged([&] {
      work();
      client->finish();
      EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
      log::flush();
    });
    log::configure(log::Format::Text, log::Level::Error);
    return lines;
  }
  uint64_t logins(imap::LoginResult result) {
    return figure(Metric::Logins, {kPool, static_cast<size_t>(imap::Mechanism::Login),
                                   static_cast<size_t>(result)});
  }
};

TEST_F(SessionLogTest, SaysOfASessionWhatThereIsToSay) {
  const auto lines = lines_of([&] {
    log_in();
    say("z LOGOUT", "z OK");
  });
  EXPECT_THAT(lines, ElementsAre(AllOf(
                         HasSubstr("info  session ended listener=implicit client=127.0.0.1:"),
                         HasSubstr(" reason=client_logout sni=localhost backend=pool server=127"),
                         ContainsRegex(" offered=1.3 tls=1.3 cipher=TLS_[A-Z0-9_]+ group=[^ ]+ "
                                       "login=login bytes_in="),
                         Not(HasSubstr("=\"\"")), Not(HasSubstr("compress")))));
}

TEST_F(SessionLogTest, SaysThatASessionWasCompressed) {
  const auto lines = lines_of([&] {
    log_in();
    say("z COMPRESS DEFLATE", "z OK");
  });
  EXPECT_THAT(lines, Contains(HasSubstr(" compress=yes bytes_in=")));
}

TEST_F(SessionLogTest, SaysWhatAClientThatIsRefusedHadOffered) {
  config.tls.policy.min_version = tls::Version::Tls13;
  const auto lines = lines_of([&] {
    dial();
    client->secure(tls::Version::Tls12);
    ASSERT_TRUE(until([&] { return client->over(); }));
  });
  EXPECT_THAT(lines, Contains(ContainsRegex(
                         " reason=handshake_failed cause=client_unsupported_version error=[^=]+ "
                         "detail=UNSUPPORTED_PROTOCOL "
                         "alert=protocol_version alert_from=postern sni=localhost offered=1.2 "
                         "bytes_in=")));
}

// The log names each client that meets a limit in one way, with the setting to change.
TEST_F(SessionLogTest, NamesTheLimitOfHandshakes) {
  config.limits.handshakes_in_flight = 0;
  const auto lines = lines_of([&] {
    dial();
    client->send_in_clear("\x16\x03\x01");
    ASSERT_TRUE(until([&] { return client->over(); }));
  });
  EXPECT_THAT(lines, ElementsAre(ContainsRegex("warn  session refused listener=implicit "
                                               "client=127.0.0.1:[0-9]+ reason=limit_handshakes "
                                               "setting=limits.handshakes_in_flight limit=0")));
}

TEST_F(SessionLogTest, NamesTheLimitThatANewcomerHasMet) {
  config.limits.sessions = 1;
  const auto lines = lines_of([&] {
    dial();
    const auto first = std::move(client);
    log_in();
    EXPECT_TRUE(first->over());
  });
  EXPECT_THAT(lines, Contains(ContainsRegex("session refused listener=implicit client=[^ ]+ "
                                            "reason=gave_way setting=limits.sessions limit=1")));
}

// What load balancers and kubelets do every few seconds.
TEST_F(SessionLogTest, WritesNothingOfAPortCheckAboveDebug) {
  for (const size_t listener : {kImplicit, kStartTls}) {
    EXPECT_THAT(lines_of([&] { dial(listener); }), IsEmpty());
    EXPECT_THAT(lines_of([&] { dial(listener); }, log::Level::Debug),
                Contains(HasSubstr("debug session ended ")));
  }
  EXPECT_EQ(gateway().ended(EndReason::ClientClosed), 4U);
}

TEST_F(SessionLogTest, WritesALineOfAClientThatHasSaidSomething) {
  const auto lines = lines_of([&] {
    dial(kStartTls);
    ASSERT_TRUE(hears("ready, TLS first\r\n"));
    client->send_in_clear("a CAPABILITY\r\n");
    ASSERT_TRUE(hears("a OK"));
  });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("session ended listener=starttls")));
}

class SessionProbeTest : public SessionLogTest {
 public:
  SessionProbeTest() { config.probes = {net::Network::parse("127.0.0.0/8").value()}; }
};

TEST_F(SessionProbeTest, IsCountedAndNeitherWrittenNorAFailure) {
  EXPECT_THAT(lines_of([&] {
                dial();
                client->send_in_clear("GET / HTTP/1.0\r\n\r\n");
                ASSERT_TRUE(until([&] { return client->over(); }));
              }),
              IsEmpty());
  EXPECT_THAT(lines_of([&] { relay(); }), IsEmpty()) << "TLS and a greeting, but no login";
  EXPECT_EQ(gateway().ended(EndReason::Probe), 2U);
  EXPECT_EQ(gateway().ended(), 2U);
  EXPECT_EQ(handshake_failures(), 0U);
}

TEST_F(SessionProbeTest, IsNoLongerOneOnceItHasLoggedIn) {
  EXPECT_THAT(lines_of([&] { log_in(); }), ElementsAre(HasSubstr("reason=client_closed")));
  EXPECT_EQ(gateway().ended(EndReason::ClientClosed), 1U);
}

// The probe is the one that finds out.
TEST_F(SessionProbeTest, StillReportsABackendThatIsDown) {
  config.backends[0].servers = {closed_port.host()};
  const auto lines = lines_of([&] {
    secure();
    ASSERT_TRUE(hears("* BYE [UNAVAILABLE]"));
  });
  EXPECT_THAT(lines, Contains(HasSubstr("reason=backend_unavailable")));
  EXPECT_EQ(gateway().ended(EndReason::BackendUnavailable), 1U);
}

TEST_F(SessionLogTest, TellsTheWayOfASessionAtDebug) {
  const auto lines = lines_of(
      [&] {
        relay();
        say("a LOGIN user wrong", "a NO");
        say("b LOGIN user secret", "b OK");
        client->forget();
        client->send("c IDLE\r\n");
        ASSERT_TRUE(hears("+"));
        say("DONE", "c OK");
      },
      log::Level::Debug);
  EXPECT_THAT(lines,
              ElementsAre(HasSubstr("debug client accepted listener=implicit client=127"),
                          ContainsRegex("debug handshake done client=[^ ]+ sni=localhost "
                                        "tls=1.3 .*group=.* resumed=no age_ms="),
                          HasSubstr("debug backend connected client=127.0.0.1:"),
                          ContainsRegex("debug login answered .*mechanism=login "
                                        "result=failure duration_ms="),
                          HasSubstr("info  login failed"), HasSubstr("result=success duration_ms="),
                          HasSubstr("debug session state"), HasSubstr("state=busy"),
                          HasSubstr("session ended")));
  EXPECT_THAT(lines, Each(AllOf(Not(HasSubstr("user")), Not(HasSubstr("secret")),
                                Not(HasSubstr("wrong")))));
}

// fail2ban and CrowdSec live on these lines: a flood of others' must not hide them.
TEST_F(SessionLogTest, WritesAFailedLoginWhateverOthersCause) {
  const auto lines = lines_of([&] {
    relay();
    for (uint32_t i = 0; i < 50 * log::kLinesPerSecond; ++i) {
      log::write(log::Level::Info, "login failed", {},
                 {.key = "client", .value = "192.0.2.1", .client = 7});
    }
    say("a LOGIN user wrong", "a NO");
  });
  EXPECT_THAT(lines, Contains(HasSubstr("login failed listener=implicit client=127.0.0.1:")));
}

// However slow the machine, each has a line or is counted.
TEST_F(SessionLogTest, CountsTheSessionsWithoutALineByTheirReason) {
  constexpr size_t kSessions = 50 * log::kLinesPerSecond;
  const auto lines = lines_of([&] {
    for (size_t i = 0; i < kSessions; ++i) {
      log_session_end({.listener = "l", .client = "c", .reason = EndReason::IdleTimeout});
    }
    relay();
  });
  const std::string counted = "info  suppressed of=\"session ended\" reason=idle_timeout count=";
  size_t sessions = 0;
  size_t sums = 0;
  for (const std::string& line : lines) {
    if (const size_t at = line.find(counted); at != std::string::npos) {
      sessions += std::stoul(line.substr(at + counted.size()));
      ++sums;
    } else {
      sessions += line.find("session ended listener=l ") != std::string::npos ? 1 : 0;
    }
  }
  EXPECT_EQ(sessions, kSessions);
  EXPECT_GT(sums, 0U);
}

// A line for a server and a minute, however many clients it concerns.
TEST_F(SessionLogTest, SaysOnceAMinuteThatAServerCannotLogIn) {
  backend->options().answers = false;
  const auto fail = [&](const char* tag) {
    const uint64_t before = logins(imap::LoginResult::Unavailable);
    client->send(std::string(tag) + " LOGIN user secret\r\n");
    ASSERT_TRUE(until([&] {
      return backend->last().heard().find(std::string(tag) + " LOGIN") != std::string::npos;
    }));
    backend->last().say(std::string(tag) + " NO [UNAVAILABLE] Internal error of anna\r\n");
    ASSERT_TRUE(until([&] { return logins(imap::LoginResult::Unavailable) == before + 1; }));
  };
  const auto lines = lines_of([&] {
    relay();
    fail("a");
    fail("b");
    fail("c");
  });
  EXPECT_THAT(lines, Contains(ContainsRegex("warn  logins unavailable backend=pool "
                                            "server=127.0.0.1:[0-9]+ count=1 code=UNAVAILABLE "
                                            "said=\"Internal error of ..\"")));
  EXPECT_THAT(lines, Not(Contains(ContainsRegex("logins unavailable .*count=[23]"))));
  EXPECT_EQ(logins(imap::LoginResult::Unavailable), 3U);
}

TEST_F(SessionLogTest, SaysOnceAMinuteThatNoLoginSucceeds) {
  const auto fail = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const std::string tag = "t" + std::to_string(i);
      client->forget();
      client->send(tag + " LOGIN user wrong\r\n");
      ASSERT_TRUE(hears(tag + " NO"));
    }
  };
  const auto few = lines_of([&] {
    relay();
    fail(19);
    client->send("a LOGIN user secret\r\n");
    ASSERT_TRUE(hears("a OK"));
    relay();
    fail(19);
  });
  EXPECT_THAT(few, Not(Contains(HasSubstr("no login succeeds"))));
  EXPECT_THAT(few, Contains(ContainsRegex("info  login failed .* backend=pool "
                                          "server=127.0.0.1:[0-9]+ answered_ms=[0-9]+ "
                                          "cause=login_failed$")));
  const auto many = lines_of([&] {
    relay();
    fail(2);
  });
  EXPECT_THAT(many, Contains(ContainsRegex("warn  no login succeeds backend=pool "
                                           "server=127.0.0.1:[0-9]+ failed_in_a_row=20")));
  EXPECT_THAT(many, Not(Contains(HasSubstr("failed_in_a_row=21"))));
}

}  // namespace
}  // namespace postern
