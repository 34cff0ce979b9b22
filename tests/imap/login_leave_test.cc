// When a login asks for leave, when it is the server's turn, and what an answer says that comes
// under no tag or too late.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

constexpr std::string_view kGreeting = "* OK ready\r\n";

TEST(LoginLeave, IsAskedWhenTheSecretIsThere) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE PLAIN\r\n");
  EXPECT_EQ(bench.log.events, "") << "a client that keeps silent takes no place";
  EXPECT_FALSE(bench.filter.login_awaits_server());
  bench.server("+ \r\n");
  bench.client("AHUAcA==\r\n");
  EXPECT_EQ(bench.log.events, "attempt plain");
  EXPECT_TRUE(bench.filter.login_awaits_server());
  bench.server("a OK in\r\n");
  EXPECT_EQ(bench.log.events, "attempt plain, success plain");
  EXPECT_FALSE(bench.filter.login_awaits_server());
}

TEST(LoginLeave, IsAskedAtTheSecondResponseWhereThatIsTheSecret) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE LOGIN dQ==\r\n");
  bench.server("+ UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(bench.log.events, "");
  bench.client("cA==\r\n");
  EXPECT_EQ(bench.log.events, "attempt login");
  bench.server("a NO no\r\n");
  EXPECT_EQ(bench.log.events, "attempt login, failure login");
}

TEST(LoginLeave, IsAskedAtOnceForAnInitialResponse) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE PLAIN AHUAcA==\r\n");
  EXPECT_EQ(bench.log.events, "attempt plain");
}

TEST(LoginLeave, IsNotAskedByAClientThatGivesUp) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE PLAIN\r\n");
  bench.server("+ \r\n");
  bench.client("*\r\n");
  bench.server("a BAD given up\r\n");
  EXPECT_EQ(bench.log.events, "cancelled plain");
}

TEST(LoginLeave, KeepsTheSecretUntilItIsGiven) {
  FilterBench bench;
  bench.log.leave = LoginLeave::Wait;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE PLAIN\r\n");
  bench.server("+ \r\n");
  bench.client("AHUAcA==\r\nb NOOP\r\n");
  EXPECT_EQ(bench.to_server.text, "a AUTHENTICATE PLAIN\r\n");
  EXPECT_FALSE(bench.filter.login_awaits_server());
  EXPECT_TRUE(bench.filter.has_to_send());
  bench.filter.let_login_go();
  EXPECT_EQ(bench.to_server.text, "a AUTHENTICATE PLAIN\r\nAHUAcA==\r\n");
  EXPECT_FALSE(bench.filter.has_to_send());
  bench.server("a OK in\r\n");
  bench.run({true, {}});
  EXPECT_EQ(bench.to_server.text, "a AUTHENTICATE PLAIN\r\nAHUAcA==\r\nb NOOP\r\n");
}

TEST(LoginLeave, DropsTheSecretIfItIsNeverGiven) {
  FilterBench bench;
  bench.log.leave = LoginLeave::Never;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE PLAIN\r\n");
  bench.server("+ \r\n");
  bench.client("AHUAcA==\r\n");
  EXPECT_EQ(bench.to_server.text, "a AUTHENTICATE PLAIN\r\n");
  EXPECT_EQ(bench.filter.held(), 0U);
}

// ---- whose turn it is

TEST(LoginTurn, IsTheClientsAfterAnErrorChallenge) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE XOAUTH2 dXNlcj11AQ==\r\n");
  EXPECT_TRUE(bench.filter.login_awaits_server());
  bench.server("+ eyJzdGF0dXMiOiI0MDEifQ==\r\n");
  EXPECT_FALSE(bench.filter.login_awaits_server()) << "the server has refused the token";
  bench.filter.end(/*by_client=*/true);
  EXPECT_EQ(bench.log.events, "attempt xoauth2, abandoned xoauth2");
}

// ---- answers that are none

TEST(LoginAnswer, UnderNoTagJudgesNoSecret) {
  for (const bool by_client : {false, true}) {
    FilterBench bench;
    bench.server(kGreeting);
    bench.client("a LOGIN u p\r\n");
    bench.server("* BAD Request is throttled\r\n");
    bench.filter.end(by_client);
    EXPECT_EQ(bench.log.events, "attempt login, unsupported login");
  }
}

TEST(LoginAnswer, UnderNoTagLetsTheClientGoOn) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a LOGIN u p\r\n");
  bench.server("* BAD Request is throttled\r\n");
  bench.client("b LOGIN u p\r\n");
  bench.server("b OK in\r\n");
  EXPECT_EQ(bench.log.events, "attempt login, unsupported login, attempt login, success login");
}

TEST(LoginAnswer, UnderNoTagRefusesASecretIfTheServerThenBreaksOff) {
  for (const std::string refusal : {"* NO [AUTHENTICATIONFAILED] no\r\n* BYE late\r\n",
                                    "* BYE [authenticationfailed] no\r\n"}) {
    for (size_t cut = 0; cut < refusal.size(); ++cut) {
      FilterBench bench;
      bench.server(kGreeting);
      bench.client("a LOGIN u p\r\n");
      bench.server(refusal.substr(0, cut));
      bench.server(refusal.substr(cut));
      bench.filter.end(/*by_client=*/false);
      EXPECT_EQ(bench.log.events, "attempt login, failure login") << refusal << " cut at " << cut;
    }
  }
}

TEST(LoginAnswer, UnderNoTagThatBlamesNoSecretRefusesNone) {
  for (const std::string_view said : {"* NO [ALERT] no\r\n", "* BYE late\r\n"}) {
    FilterBench bench;
    bench.server(kGreeting);
    bench.client("a LOGIN u p\r\n");
    bench.server(said);
    bench.filter.end(/*by_client=*/false);
    EXPECT_EQ(bench.log.events, "attempt login, interrupted login");
  }
}

TEST(LoginAnswer, ThatComesAfterAnUntaggedBadCounts) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a LOGIN u p\r\n");
  bench.server("* BAD strange\r\na NO wrong\r\n");
  EXPECT_EQ(bench.log.events, "attempt login, failure login");
}

TEST(LoginAnswer, AfterLoginShowsThatTheServerWasNotLoggedIn) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a AUTHENTICATE XOAUTH2 dXNlcj11AQ==\r\n");
  bench.server("a OK Unable to authenticate\r\n");
  bench.client("b LOGIN u wrong\r\nc LOGIN u right\r\nd AUTHENTICATE PLAIN AHUAcA==\r\n");
  bench.server("b NO wrong\r\nc OK in\r\nd BAD already\r\n");
  EXPECT_EQ(bench.log.events, "attempt xoauth2, success xoauth2, failure login, success login");
}

TEST(LoginAnswer, AfterWorkThatNeedsALoginSaysNothingOfASecret) {
  FilterBench bench;
  bench.server(kGreeting);
  bench.client("a LOGIN u p\r\n");
  bench.server("a OK in\r\n");
  bench.client("s SELECT INBOX\r\nb LOGIN u wrong\r\n");
  bench.server("s OK done\r\nb NO already\r\n");
  EXPECT_EQ(bench.log.events, "attempt login, success login");
}

// ---- UNAUTHENTICATE

TEST(Unauthenticate, IsNotForgottenForTheCommandsAroundIt) {
  for (const size_t before : {0U, 200U, 255U, 256U, 511U, 600U}) {
    for (const size_t after : {2U, 300U, 600U}) {
      FilterBench bench;
      bench.server("* PREAUTH in\r\n");
      std::string commands = "x IDLE\r\n{9+}\r\n";  // and so it is not known how they are read
      for (size_t i = 0; i < before; ++i) {
        commands += "n" + std::to_string(i) + " NOOP\r\n";
      }
      commands += "u UNAUTHENTICATE\r\n";
      for (size_t i = 0; i < after; ++i) {
        commands += "b" + std::to_string(i) + " LOGIN u wrong\r\n";
      }
      bench.client(commands);
      bench.server("u OK out\r\n");
      EXPECT_STREQ(bench.filter.violation().label(), "unauthenticated")
          << before << " before, " << after << " after";
    }
  }
}

}  // namespace
}  // namespace postern::imap
