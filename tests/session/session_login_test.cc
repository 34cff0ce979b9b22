// Logins as a session sees them: which count, which wait for a turn, and what is reported.
#include <array>

#include <gmock/gmock.h>

#include "proxy/log/log.h"
#include "tests/session/session_fixture.h"
#include "tests/support/logged.h"

namespace postern {
namespace {

using imap::LoginResult;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class SessionLoginTest : public SessionTest {
 public:
  ~SessionLoginTest() override { others.clear(); }

  // Sessions that have been greeted, `client` the last of them. The backend's connections are in
  // the same order.
  void crowd(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (client != nullptr) {
        others.push_back(std::move(client));
      }
      relay();
    }
    others.push_back(std::move(client));
  }
  GatewayClient& guest(size_t index) { return *others[index]; }
  size_t logins_at_the_server() {
    size_t count = 0;
    for (size_t i = 0; i < backend->accepted(); ++i) {
      count += backend->connection(i).heard().find("LOGIN") != std::string::npos ? 1 : 0;
    }
    return count;
  }
  uint64_t results(LoginResult result) {
    return figure(Metric::Logins, {kPool, static_cast<size_t>(imap::Mechanism::Login),
                                   static_cast<size_t>(result)});
  }
  // What is logged meanwhile.
  template <typename Work>
  std::vector<std::string> lines_of(Work work) {
    gateway();  // which asks for errors alone
    log::configure(log::Format::Text, log::Level::Info);
    std::vector<std::string> lines = test::logged(work);
    log::configure(log::Format::Text, log::Level::Error);
    return lines;
  }
  // Everybody sends a login, and the gateway has read it.
  void all_log_in() {
    const uint64_t before = figure(Metric::Bytes, {index(Hop::Client), index(Direction::In)});
    for (const auto& guest : others) {
      guest->send(kAttempt);
    }
    ASSERT_TRUE(until([&] {
      return figure(Metric::Bytes, {index(Hop::Client), index(Direction::In)}) ==
             before + others.size() * kAttempt.size();
    }));
  }

  static constexpr std::string_view kAttempt = "a LOGIN user wrong\r\n";
  std::vector<std::unique_ptr<GatewayClient>> others;
};

TEST_F(SessionLoginTest, OnlySoManyReachTheServerAsMayFail) {
  config.limits.login_failures = LoginFailures{.max = 2, .delay_ms = 0};
  backend->options().answers = false;
  crowd(4);
  all_log_in();
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 2; }));
  backend->connection(0).say("a NO wrong\r\n");
  ASSERT_TRUE(until([&] { return guest(0).heard("a NO"); }));
  EXPECT_EQ(logins_at_the_server(), 2U) << "what has failed keeps its place";
  backend->connection(1).say("a NO wrong\r\n");
  for (size_t i = 1; i < 4; ++i) {
    ASSERT_TRUE(until([&] { return guest(i).heard("* BYE [LIMIT] Too many failed logins"); })) << i;
  }
  EXPECT_EQ(logins_at_the_server(), 2U);
  EXPECT_EQ(results(LoginResult::Failure), 2U);
  EXPECT_EQ(results(LoginResult::Interrupted), 2U) << "those that have waited";
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 2U);
}

TEST_F(SessionLoginTest, RightPasswordsTakeTheirTurns) {
  config.limits.login_failures = LoginFailures{.max = 2};
  backend->options().answers = false;
  crowd(5);
  all_log_in();
  for (size_t done = 0; done < 5; ++done) {
    ASSERT_TRUE(until([&] { return logins_at_the_server() == std::min<size_t>(done + 2, 5); }));
    backend->connection(done).say("a OK in\r\n");
    ASSERT_TRUE(until([&] { return guest(done).heard("a OK in"); }));
  }
  EXPECT_EQ(results(LoginResult::Success), 5U);
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U);
}

TEST_F(SessionLoginTest, AnAnswerThatIsNoGuessFreesThePlace) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  crowd(2);
  all_log_in();
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 1; }));
  backend->connection(0).say("a NO [EXPIRED] choose another one\r\n");
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 2; }));
  EXPECT_EQ(results(LoginResult::Expired), 1U);
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U);
  backend->connection(1).say("a OK in\r\n");
  EXPECT_TRUE(until([&] { return guest(1).heard("a OK in"); }));
}

TEST_F(SessionLoginTest, WaitsNoLongerThanALoginMayTake) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  crowd(2);
  all_log_in();
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 1; }));
  pass_ms(config.timeouts.login_ms + 100);
  EXPECT_TRUE(until([&] { return guest(1).heard("* BYE Login took too long\r\n"); }));
  EXPECT_EQ(results(LoginResult::Interrupted), 1U);
  EXPECT_EQ(gateway().ended(EndReason::LoginTimeout), 1U) << "the other is with the server";
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U);
}

// Silence at the deadline would show whether a secret is right.
TEST_F(SessionLoginTest, CountsAGuessThatWasSentJustBeforeTheDeadline) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  crowd(1);
  all_log_in();
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 1; }));
  pass_ms(config.timeouts.login_ms + 100);
  EXPECT_EQ(gateway().ended(), 0U);
  backend->connection(0).say("a NO wrong\r\n");
  EXPECT_TRUE(until([&] { return figure(Metric::LoginFailuresCounted) == 1; }));
}

TEST_F(SessionLoginTest, SaysThatItStopsToClientsThatWait) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  crowd(2);
  all_log_in();
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 1; }));
  gateway().drain();
  EXPECT_TRUE(until([&] { return guest(1).heard("* BYE [UNAVAILABLE] Server is going down"); }));
  backend->connection(0).say("a OK in\r\n");
  EXPECT_TRUE(until([&] { return guest(0).heard("a OK in\r\n* BYE"); }));
}

TEST_F(SessionLoginTest, GivesTheTurnOfAClientThatIsGoneToTheNext) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  crowd(3);
  all_log_in();
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 1; }));
  guest(1).reset();
  ASSERT_TRUE(until([&] { return results(LoginResult::Cancelled) == 1; }));
  backend->connection(0).say("a OK in\r\n");
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 2; }));
  EXPECT_THAT(backend->connection(2).heard(), HasSubstr("LOGIN"));
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U) << "it had not been sent";
}

TEST_F(SessionLoginTest, CountsAnAttemptThatIsHungUpOn) {
  config.limits.login_failures = LoginFailures{.max = 2};
  backend->options().answers = false;
  const auto lines = lines_of([&] {
    for (uint64_t i = 1; i <= 2; ++i) {
      relay();
      client->send(kAttempt);
      ASSERT_TRUE(until([&] { return logins_at_the_server() == i; }));
      client->reset();
      ASSERT_TRUE(until([&] { return results(LoginResult::Abandoned) == i; }));
    }
  });
  EXPECT_THAT(lines, Contains(HasSubstr("login failed listener=")));
  EXPECT_THAT(lines, Contains(HasSubstr("mechanism=login result=abandoned failures=2")));
  EXPECT_THAT(lines, Contains(HasSubstr("client banned")));
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 2U);
  EXPECT_EQ(figure(Metric::LoginBans), 1U);
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(SessionLoginTest, CountsNoAttemptThatTheServerBreaksOff) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  relay();
  client->send(kAttempt);
  ASSERT_TRUE(until([&] { return logins_at_the_server() == 1; }));
  backend->last().reset();
  ASSERT_TRUE(hears("* BYE [UNAVAILABLE]"));
  EXPECT_EQ(results(LoginResult::Interrupted), 1U);
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U);
}

TEST_F(SessionLoginTest, KeepsARefusalApartFromAGuess) {
  config.limits.login_failures = LoginFailures{.max = 1};
  backend->options().answers = false;
  struct Refusal {
    const char* code;
    LoginResult result;
  };
  constexpr std::array kRefusals = {
      Refusal{"[AUTHORIZATIONFAILED] ", LoginResult::Denied},
      Refusal{"[CANNOT] ", LoginResult::Denied},
      Refusal{"[REFERRAL imap://b.example/] ", LoginResult::Denied},
      Refusal{"[EXPIRED] ", LoginResult::Expired},
      Refusal{"[PRIVACYREQUIRED] ", LoginResult::PrivacyRequired},
      Refusal{"[INUSE] ", LoginResult::Unavailable},
      Refusal{"[OVERQUOTA] ", LoginResult::Unavailable},
  };
  const auto lines = lines_of([&] {
    relay();
    for (const Refusal& refusal : kRefusals) {
      const uint64_t before = results(refusal.result);
      client->forget();
      const size_t heard = backend->last().heard().size();
      client->send(kAttempt);
      ASSERT_TRUE(until([&] { return backend->last().heard().size() > heard; }));
      backend->last().say(std::string("a NO ") + refusal.code + "no\r\n");
      ASSERT_TRUE(hears("a NO")) << refusal.code;
      EXPECT_EQ(results(refusal.result), before + 1) << refusal.code;
    }
  });
  EXPECT_EQ(figure(Metric::LoginFailuresCounted), 0U);
  EXPECT_EQ(figure(Metric::LoginBans), 0U);
  EXPECT_THAT(lines, Not(Contains(HasSubstr("login failed"))));
  EXPECT_THAT(lines, Contains(HasSubstr("login refused listener=")));
  EXPECT_THAT(lines, Contains(HasSubstr("mechanism=login result=expired server=127.0.0.1:")));
}

TEST_F(SessionLoginTest, NamesAServerThatWantsASecuredHopOnce) {
  backend->options().answers = false;
  const auto lines = lines_of([&] {
    for (int session = 0; session < 2; ++session) {
      relay();
      for (int i = 0; i < 3; ++i) {
        client->forget();
        const size_t before = backend->last().heard().size();
        client->send(kAttempt);
        ASSERT_TRUE(until([&] { return backend->last().heard().size() > before; }));
        backend->last().say("a NO [PRIVACYREQUIRED] not in clear\r\n");
        ASSERT_TRUE(hears("a NO"));
      }
    }
  });
  EXPECT_EQ(results(LoginResult::PrivacyRequired), 6U);
  size_t warnings = 0;
  for (const std::string& line : lines) {
    warnings += line.find("server wants a secured hop for logins backend=pool server=127") !=
                        std::string::npos
                    ? 1
                    : 0;
  }
  EXPECT_EQ(warnings, 1U);
  EXPECT_THAT(lines, Contains(HasSubstr("login_trusted_networks")));
}

}  // namespace
}  // namespace postern
