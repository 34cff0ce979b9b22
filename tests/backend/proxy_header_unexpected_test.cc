// A server that does not expect the PROXY header that it is sent, one that waits for one in vain,
// and one that asks for no password: each is named.
#include "tests/backend/dialer_fixture.h"

namespace postern {
namespace {

struct ProxyHeaderTest : DialerTest {
  // What is said of a dial to a server with these manners, and counted as.
  std::vector<std::string> lines_about(const ScriptedBackend::Options& manners) {
    start_over();
    backend(manners);
    return lines_of_a_dial();
  }
};

TEST_F(ProxyHeaderTest, IsNamedWhereTheServerHangsUpOnIt) {
  identity.proxy_header = "PROXY UNKNOWN\r\n";
  EXPECT_THAT(lines_about({.hangs_up = true}),
              Contains(ContainsRegex("reason=proxy_header_unexpected "
                                     "cause=backend_proxy_header_unexpected .*"
                                     "sent=\"a PROXY header\" after_ms=[0-9]+ .*advice=")));
  EXPECT_EQ(connects(0, "proxy_header_unexpected"), 1U);
}

TEST_F(ProxyHeaderTest, IsNamedWhereTheServerAnswersIt) {
  identity.proxy_header = "PROXY UNKNOWN\r\n";
  for (const char* greeting :
       {"* BAD what\r\n", "PROXY BAD what\r\n", "* OK ready\r\n* BAD what\r\n* BAD what\r\n",
        "* OK ready\r\nPROXY BAD Error in IMAP command\r\n"}) {
    EXPECT_THAT(lines_about({.greeting = greeting}),
                Contains(ContainsRegex("reason=proxy_header_unexpected .*said=\".*BAD")))
        << greeting;
  }
}

// A check of its health asks CAPABILITY, so that it sees what comes after the greeting.
TEST_F(ProxyHeaderTest, IsNamedByACheckOfHealth) {
  identity = {.proxy_header = "PROXY UNKNOWN\r\n", .id_command = "CAPABILITY"};
  imap::BackendPreamble version2(imap::BackendPreamble::Hop::AsIs, "CAPABILITY",
                                 imap::BackendPreamble::Before::ProxyHeader);
  EXPECT_EQ(version2.feed(as_bytes("* OK ready\r\n")), imap::BackendPreamble::Step::Send);
  EXPECT_EQ(version2.feed(as_bytes("* BAD Error in IMAP command\r\n")),
            imap::BackendPreamble::Step::Failed);
  EXPECT_STREQ(version2.error().label(), "proxy_header_unexpected");
}

TEST_F(ProxyHeaderTest, IsNoReasonWhereNoneWasSent) {
  EXPECT_THAT(lines_about({.hangs_up = true}),
              Contains(ContainsRegex(
                  "reason=connection_closed cause=backend_connection_closed .*after_ms=")));
  EXPECT_THAT(lines_about({.greeting = "* BAD what\r\n"}),
              Contains(ContainsRegex("reason=not_imap ")));
}

TEST_F(ProxyHeaderTest, IsMissedByAServerThatHangsUpAfterAWhile) {
  backend({.greeting = ""});
  const auto lines = lines_while([&] {
    start();
    ASSERT_TRUE(accepted(0, 1));
    const uint64_t later_us = net::Loop::now_us() + 1'000'000;
    ASSERT_TRUE(run_until(loop, [&] {
      loop.run_once(10);
      return net::Loop::now_us() >= later_us;
    }));
    backends[0]->last().hang_up();
    ASSERT_TRUE(wait());
  });
  EXPECT_THAT(
      lines,
      Contains(ContainsRegex("cause=backend_proxy_header_expected .*client_identity: proxy_v2")));
}

struct HeaderTrialTest : ProxyHeaderTest {
  void greet() {
    config.client_identity = ClientIdentity::ProxyV2;
    backend();
    ASSERT_TRUE(dials());
    ASSERT_NE(trial, nullptr);
    EXPECT_EQ(connects(0, "success"), 0U) << "a greeting says little";
    EXPECT_EQ(breaker(0).since_ms(), 0U);
  }
};

TEST_F(HeaderTrialTest, IsASuccessOnceTheServerHasAnswered) {
  greet();
  trial->passed();
  trial.reset();
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_NE(breaker(0).since_ms(), 0U);
  EXPECT_TRUE(breaker(0).well());
}

TEST_F(HeaderTrialTest, IsAFailureOfTheAddressThatBreaksOff) {
  greet();
  const Error error = imap::imap_error(imap::Violation::HeaderUnexpected, "talking");
  trial->failed(error);
  EXPECT_TRUE(rests(0));
  EXPECT_FALSE(breaker(0).down()) << "it may be well after its rest";
  stream.reset();
  place = ServerSlot();
  ASSERT_TRUE(dials()) << "nothing else is left";
  EXPECT_TRUE(rests(0)) << "another greeting makes it no better";
  trial->failed(error);
  trial.reset();
  EXPECT_TRUE(breaker(0).down());
  EXPECT_EQ(connects(0, "proxy_header_unexpected"), 2U);
  EXPECT_EQ(connects(0, "success"), 0U);
}

TEST_F(HeaderTrialTest, TeachesNothingIfItIsNeverDecided) {
  greet();
  trial.reset();
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_EQ(breaker(0).since_ms(), 0U);
}

TEST_F(ProxyHeaderTest, PreauthIsWarnedOfOnceForAServer) {
  backend({.greeting = "* PREAUTH welcome anna\r\n"});
  const auto lines = lines_while([&] {
    ASSERT_TRUE(dials());
    stream.reset();
    place = ServerSlot();
    ASSERT_TRUE(dials());
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines,
              Contains(ContainsRegex("warn  backend logs its clients in unasked backend=pool "
                                     "server=127.0.0.1:[0-9]+ .*advice=")));
}

}  // namespace
}  // namespace postern
