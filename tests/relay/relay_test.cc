#include "proxy/relay/relay.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/net/failure.h"
#include "tests/relay/relay_fixture.h"

namespace postern {
namespace {

using metrics::Direction;
using metrics::Hop;

// ---- bytes

TEST_F(RelayTest, BeginsWithWhatBothSidesHaveSaidAlready) {
  start(kGreeting, "a CAPABILITY\r\n");
  EXPECT_EQ(client.received, kGreeting);
  EXPECT_EQ(backend.received, "a CAPABILITY\r\n");
}

TEST_F(RelayTest, CountsBytesOfEachHopAndDirection) {
  start("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
  client.say("a NOOP\r\n");
  EXPECT_EQ(bytes(Hop::Backend, Direction::In), 44U);
  EXPECT_EQ(bytes(Hop::Client, Direction::Out), client.received.size());
  EXPECT_LT(client.received.size(), 44U) << "STARTTLS is hidden";
  EXPECT_EQ(bytes(Hop::Client, Direction::In), 8U);
  EXPECT_EQ(bytes(Hop::Backend, Direction::Out), 8U);
  EXPECT_EQ(relay().bytes_from_client(), 8U);
  EXPECT_EQ(relay().bytes_to_client(), client.received.size());
}

// ---- pace

TEST_F(RelayTest, PausesTheBackendWhileTheClientDoesNotRead) {
  log_in();
  client.window = 0;
  const std::string literal(10 * kMiB, 'x');
  backend.say("* 1 FETCH (BODY[] {" + std::to_string(literal.size()) + "}\r\n" + literal);
  EXPECT_TRUE(backend.paused);
  EXPECT_FALSE(client.paused) << "the other direction goes on";
  EXPECT_LE(client.most_queued, Relay::kHighWater + net::Loop::kScratchBytes);
  EXPECT_EQ(pauses(Hop::Backend), 1U);
  EXPECT_EQ(pauses(Hop::Client), 0U);
}

TEST_F(RelayTest, ResumesTheBackendOnceTheClientHasReadAll) {
  log_in();
  client.window = 0;
  const std::string literal(300 * kKiB, 'x');
  const std::string all =
      "* 1 FETCH (BODY[] {" + std::to_string(literal.size()) + "}\r\n" + literal + ")\r\na OK\r\n";
  backend.say(all);
  ASSERT_TRUE(backend.paused);
  client.take(Relay::kHighWater);
  EXPECT_TRUE(backend.paused) << "not all has been read";
  while (client.received.size() < all.size() && !HasFailure()) {
    client.take(kMiB);
    EXPECT_FALSE(backend.paused);
    backend.deliver();
  }
  EXPECT_EQ(client.received, all);
  EXPECT_LE(client.most_queued, Relay::kHighWater + net::Loop::kScratchBytes);
}

TEST_F(RelayTest, PausesTheClientWhileTheBackendDoesNotRead) {
  log_in();
  backend.window = 0;
  client.say("a APPEND box {9999999+}\r\n" + std::string(9'999'999, 'x') + "\r\n");
  EXPECT_TRUE(client.paused);
  EXPECT_FALSE(backend.paused);
  EXPECT_LE(backend.most_queued, Relay::kHighWater + net::Loop::kScratchBytes);
  EXPECT_EQ(pauses(Hop::Client), 1U);
  backend.take(kMiB);
  EXPECT_FALSE(client.paused);
}

// ---- bytes whose meaning depends on the backend's answer

TEST_F(RelayTest, HoldsNothingBackAfterLogin) {
  log_in();
  client.say("a APPEND box {5}\r\nhello\r\nb IDLE\r\nc NOOP\r\n");
  EXPECT_EQ(backend.received, "a APPEND box {5}\r\nhello\r\nb IDLE\r\nc NOOP\r\n");
  EXPECT_FALSE(client.paused);
}

TEST_F(RelayTest, HoldsBackWhatFollowsALoginUntilItIsAnswered) {
  start();
  client.say("a LOGIN user secret\r\nb NOOP\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user secret\r\n");
  EXPECT_TRUE(client.paused) << "what is held must not grow";
  backend.say("a OK in\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user secret\r\nb NOOP\r\n");
  EXPECT_FALSE(client.paused);
}

TEST_F(RelayTest, CountsWhatIsKeptOfACommandAsMemory) {
  start();
  const size_t before = loop.memory().used();
  client.say("a LOGIN user {9000+}\r\n" + std::string(8'000, 'x'));
  EXPECT_GE(loop.memory().used(), before + 8'000);
  client.say(std::string(1'000, 'x') + "\r\n");
  EXPECT_EQ(loop.memory().used(), before);
}

// Commands without an end, of all strangers together, have a bound of their own.
TEST_F(RelayTest, EndsACommandThatGrowsWhenStrangersHaveBegunTooMuch) {
  start();
  loop.memory().add_begun(net::MemoryBudget::kMostBegun);
  client.say("a NOOP");
  client.say("\r\n");
  client.say("b LOGIN user {9000+}\r\n" + std::string(1'000, 'x'));
  EXPECT_FALSE(ended()) << "as much as passwords need is always there";
  client.say(std::string(6'000, 'x'));
  EXPECT_EQ(reason, EndReason::LimitMemory);
  loop.memory().add_begun(-static_cast<int64_t>(net::MemoryBudget::kMostBegun));
}

TEST_F(RelayTest, HoldsBackWhatFollowsAuthenticateUntilItIsAnswered) {
  start();
  client.say("a AUTHENTICATE PLAIN\r\nAHVzZXIAc2VjcmV0\r\n");
  EXPECT_EQ(backend.received, "a AUTHENTICATE PLAIN\r\n");
  backend.say("+ \r\n");
  EXPECT_EQ(backend.received, "a AUTHENTICATE PLAIN\r\nAHVzZXIAc2VjcmV0\r\n");
  EXPECT_FALSE(client.paused);
}

// ---- half-close

TEST_F(RelayTest, PassesTheClientsEndOnAndDeliversWhatTheBackendStillSays) {
  log_in();
  client.say("b FETCH 1 BODY[]\r\n");
  client.end();
  EXPECT_TRUE(backend.finished);
  EXPECT_FALSE(ended());
  backend.say("b OK done\r\n");
  EXPECT_EQ(client.received, "b OK done\r\n");
  backend.end();
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
  EXPECT_EQ(bye, "") << "the client has hung up, there is nothing to explain";
}

TEST_F(RelayTest, PassesTheEndOnOnlyAfterWhatWasHeld) {
  start();
  client.say("a LOGIN user secret\r\nb LOGOUT\r\n");
  client.end();
  EXPECT_FALSE(backend.finished);
  backend.say("a OK in\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user secret\r\nb LOGOUT\r\n");
  EXPECT_TRUE(backend.finished);
}

// Once the process ended so: what is left of a line belongs nowhere.
TEST_F(RelayTest, SendsNothingAfterTheEndThatItHasPassedOn) {
  start();
  client.say("a NOOP\r\nab");
  client.end();
  ASSERT_TRUE(backend.finished);
  backend.say("* BYE see you\r\n");
  EXPECT_EQ(backend.received, "a NOOP\r\n");
}

TEST_F(RelayTest, PassesTheEndOnOnlyAfterALoginsLiterals) {
  start();
  client.say("a LOGIN user {3}\r\nm\xc3\xa4\r\n");
  client.end();
  EXPECT_EQ(backend.received, "a LOGIN user {3}\r\n");
  EXPECT_FALSE(backend.finished);
  backend.say("+ go\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user {3}\r\nm\xc3\xa4\r\n");
  EXPECT_TRUE(backend.finished);
}

TEST_F(RelayTest, PassesOnTheEndOfAClientThatIsOwedNothing) {
  log_in();
  client.end();
  EXPECT_TRUE(backend.finished);
  EXPECT_FALSE(ended()) << "the server may have a last word";
  backend.say("* 5 EXISTS\r\n* BYE last words\r\n");
  backend.end();
  EXPECT_EQ(client.received, "* 5 EXISTS\r\n* BYE last words\r\n");
  EXPECT_EQ(reason, EndReason::ClientClosed);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, WaitsSomeSecondsForTheLastWordOfAServerThatOwesNothing) {
  log_in();
  client.say("i IDLE\r\n");
  backend.say("+ idling\r\n");
  client.end();
  EXPECT_TRUE(backend.finished);
  look(2);
  EXPECT_FALSE(ended());
  look(1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
}

TEST_F(RelayTest, DeliversTheAnswerToDoneAfterTheClientsEnd) {
  log_in();
  client.say("i IDLE\r\n");
  backend.say("+ idling\r\n");
  client.say("DONE\r\n");
  client.end();
  EXPECT_FALSE(ended());
  EXPECT_TRUE(backend.finished);
}

// ---- the backend goes

TEST_F(RelayTest, SaysToTheClientThatTheBackendHungUp) {
  log_in();
  backend.end();
  EXPECT_EQ(reason, EndReason::BackendClosed);
  EXPECT_TRUE(bye.starts_with("* BYE [UNAVAILABLE]")) << bye;
  EXPECT_TRUE(bye.ends_with("\r\n"));
}

TEST_F(RelayTest, SaysNothingInsideALiteralThatBreaksOff) {
  log_in();
  backend.say("* 1 FETCH (BODY[] {1000}\r\nonly this much");
  backend.end();
  EXPECT_EQ(reason, EndReason::BackendClosed);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, SaysNothingInsideALineThatBreaksOff) {
  log_in();
  backend.say("* 1 FETCH (FLAGS");
  backend.fail(net::net_error(-ECONNRESET, "reading"));
  EXPECT_EQ(reason, EndReason::BackendFailed);
  EXPECT_STREQ(error.label(), "connection_reset");
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, SaysNothingIntoACompressedStream) {
  log_in();
  client.say("c COMPRESS DEFLATE\r\n");
  backend.say("c OK\r\n");
  backend.end();
  EXPECT_EQ(reason, EndReason::BackendClosed);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, CallsTheEndAfterLogoutALogout) {
  log_in();
  client.say("z LOGOUT\r\n");
  backend.say("* BYE until later\r\nz OK done\r\n");
  backend.end();
  EXPECT_EQ(reason, EndReason::ClientLogout);
  EXPECT_EQ(bye, "") << "one BYE is enough";
  EXPECT_EQ(client.received, "* BYE until later\r\nz OK done\r\n");
}

TEST_F(RelayTest, CallsABrokenClientConnectionTheClientsFailure) {
  log_in();
  client.fail(net::net_error(-ECONNRESET, "reading"));
  EXPECT_EQ(reason, EndReason::ClientFailed);
  EXPECT_EQ(bye, "");
}

// ---- broken rules

TEST_F(RelayTest, NamesTheLimitThatTheClientBroke) {
  start();
  client.say("a LOGIN " + std::string(200 * kKiB, 'x'));
  EXPECT_EQ(reason, EndReason::ClientViolation);
  EXPECT_EQ(bye, "* BYE [LIMIT] Command line too long\r\n");
  EXPECT_STREQ(error.label(), "line_too_long");
}

TEST_F(RelayTest, EndsWhenTheBackendBreaksTheProtocol) {
  log_in();
  backend.say("* CAPABILITY " + std::string(100 * kKiB, 'x'));
  EXPECT_EQ(reason, EndReason::BackendViolation);
  EXPECT_TRUE(bye.starts_with("* BYE [UNAVAILABLE]")) << bye;
  EXPECT_EQ(client.received, "") << "nothing of the broken line has reached the client";
}

TEST_F(RelayTest, MayEndBeforeStartReturns) {
  start(kGreeting, "a LOGIN " + std::string(200 * kKiB, 'x'));
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(reason, EndReason::ClientViolation);
}

// A client that writes a command in pieces (imaplib: the literal, then CRLF) waits in its kernel
// for the acknowledgement of the piece before.
TEST_F(RelayTest, AcknowledgesACommandThatIsNotWholeYet) {
  log_in();
  client.say("b NOOP\r\n");
  client.say("c APPEND x {5}\r\n");
  EXPECT_EQ(client.acknowledgements, 0) << "the client waits for an answer";
  backend.say("b OK\r\n+ go\r\n");
  client.say("he");
  EXPECT_EQ(client.acknowledgements, 1);
  client.say("llo");
  EXPECT_EQ(client.acknowledgements, 2);
  client.say("\r\n");
  EXPECT_EQ(client.acknowledgements, 2);
  client.say("d NO");
  EXPECT_EQ(client.acknowledgements, 3);
}

TEST_F(RelayTest, AcknowledgesALoginThatIsNotWholeYet) {
  start();
  client.say("a LOGIN {4}\r\n");
  const int before = client.acknowledgements;
  client.say("user");
  EXPECT_EQ(client.acknowledgements, before + 1);
  client.say(" secret\r\n");
  EXPECT_EQ(client.acknowledgements, before + 1);
  EXPECT_EQ(backend.received, "a LOGIN \"user\" secret\r\n");
}

}  // namespace
}  // namespace postern
