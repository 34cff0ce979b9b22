// The last words of either side, and its disappearance: a side that takes nothing, a client that
// has hung up while bytes of it wait, and a session that stands still.
#include <string>

#include <gtest/gtest.h>

#include "proxy/net/failure.h"
#include "tests/relay/relay_fixture.h"

namespace postern {
namespace {

Error reset() {
  return net::net_error(-ECONNRESET, "writing");
}

// ---- a backend that takes nothing any more

TEST_F(RelayTest, PassesOnWhatABackendSaysThatTakesNothingAnyMore) {
  log_in();
  client.say("a APPEND box {200000+}\r\n" + std::string(100'000, 'x'));
  backend.refuse(reset());
  client.say(std::string(100'000, 'x'));
  EXPECT_FALSE(client.paused);
  EXPECT_FALSE(ended());
  backend.say("a NO [TOOBIG] too big\r\n* BYE too big\r\n");
  backend.fail(reset());
  EXPECT_EQ(client.received, "a NO [TOOBIG] too big\r\n* BYE too big\r\n");
  EXPECT_EQ(reason, EndReason::BackendClosed) << "it has said so";
  EXPECT_EQ(bye, "") << "one BYE is enough";
}

TEST_F(RelayTest, ExplainsTheEndOfABackendThatTakesNothingAndSaysNothing) {
  log_in();
  backend.refuse(reset());
  backend.say("* 3 EXISTS\r\n");
  backend.fail(reset());
  EXPECT_EQ(client.received, "* 3 EXISTS\r\n");
  EXPECT_EQ(reason, EndReason::BackendFailed);
  EXPECT_STREQ(error.label(), "connection_reset");
  EXPECT_TRUE(bye.starts_with("* BYE [UNAVAILABLE] Lost the connection")) << bye;
}

TEST_F(RelayTest, PassesOnTheStartOfALineWithWhichABackendEnds) {
  log_in();
  const std::string said = "* 3 EXISTS\r\n\xd2Rp\x8a\xff";
  backend.say(said);
  EXPECT_EQ(client.received, "* 3 EXISTS\r\n") << "it may still become capability data";
  backend.end();
  EXPECT_EQ(client.received, said);
  EXPECT_EQ(bye, "") << "nothing can be said in the middle of a line";
}

TEST_F(RelayTest, ReadsAClientOnWhoseBytesWaitedForABackendThatTakesNothingAnyMore) {
  log_in();
  backend.window = 0;
  client.say("a APPEND box {900000+}\r\n" + std::string(200'000, 'x'));
  ASSERT_TRUE(client.paused);
  backend.refuse(reset());
  EXPECT_FALSE(client.paused);
  client.deliver();
  EXPECT_EQ(client.unread(), 0U);
  EXPECT_FALSE(client.paused);
}

TEST_F(RelayTest, ForgetsWhatItHeldForABackendThatTakesNothingAnyMore) {
  start();
  client.say("a LOGIN user secret\r\nb NOOP\r\n");
  ASSERT_TRUE(client.paused);
  backend.refuse(reset());
  EXPECT_FALSE(client.paused);
  backend.say("a OK in\r\n* BYE going down\r\n");
  backend.fail(reset());
  EXPECT_TRUE(client.received.ends_with("a OK in\r\n* BYE going down\r\n"));
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, DropsOnlySoMuchForABackendThatTakesNothing) {
  log_in();
  client.window = 0;
  backend.refuse(reset());
  const std::string said = "* 1 FETCH (BODY[] {300000}\r\n" + std::string(300'000, 'x') + ")\r\n";
  backend.say(said);
  ASSERT_TRUE(backend.paused) << "the client does not read";
  client.say("a APPEND box {9999999+}\r\n" + std::string(9'999'999, 'x'));
  EXPECT_TRUE(client.paused);
  EXPECT_GT(relay().bytes_from_client(), kDroppedAfterLogin);
  EXPECT_LT(relay().bytes_from_client(), kDroppedAfterLogin + 2 * net::Loop::kScratchBytes);
  while (backend.unread() > 0 && !HasFailure()) {
    client.take(kMiB);
    backend.deliver();
  }
  client.take(kMiB);
  EXPECT_TRUE(client.paused);
  backend.fail(reset());
  EXPECT_EQ(client.received, said);
  EXPECT_EQ(reason, EndReason::BackendFailed);
}

TEST_F(RelayTest, DropsLessForAClientWithoutLoginWhateverTheBackendHasSaid) {
  start();
  backend.say("* BYE overloaded\r\n");
  backend.refuse(reset());
  client.say(std::string(9'999'999, 'x'));
  EXPECT_TRUE(client.paused);
  EXPECT_GT(relay().bytes_from_client(), kDroppedBeforeLogin);
  EXPECT_LT(relay().bytes_from_client(), kDroppedBeforeLogin + 2 * net::Loop::kScratchBytes);
  backend.fail(reset());
  EXPECT_EQ(reason, EndReason::BackendClosed);
}

TEST_F(RelayTest, LeavesAClientThatNeitherReadsNorIsRead) {
  log_in();
  client.window = 0;
  backend.refuse(reset());
  backend.say("* 1 FETCH (BODY[] {300000}\r\n" + std::string(300'000, 'x') + ")\r\n");
  ASSERT_TRUE(backend.paused);
  look(1);
  look(Relay::kHalfClosedMs / Relay::kLookMs - 1);
  EXPECT_FALSE(ended());
  look(1);
  EXPECT_EQ(reason, EndReason::BackendFailed);
}

// ---- a client that takes nothing any more

TEST_F(RelayTest, PassesOnWhatAClientHasSaidThatTakesNothingAnyMore) {
  log_in();
  backend.window = 0;
  client.say("a APPEND box {150000+}\r\n" + std::string(150'000, 'x') + "\r\nb LOGOUT\r\n");
  ASSERT_TRUE(client.paused);
  client.refuse(reset());
  while (client.unread() > 0 && !HasFailure()) {
    backend.take(kMiB);
    client.deliver();
  }
  ASSERT_FALSE(ended());
  client.fail(reset());
  EXPECT_FALSE(ended()) << "the backend has not taken it all";
  backend.take(kMiB);
  EXPECT_TRUE(backend.received.ends_with("\r\nb LOGOUT\r\n"));
  EXPECT_TRUE(backend.finished);
  EXPECT_EQ(reason, EndReason::ClientFailed);
  EXPECT_STREQ(error.label(), "connection_reset");
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, ReadsABackendOnWhoseClientTakesNothingAnyMore) {
  log_in();
  client.window = 0;
  backend.say("* 1 FETCH (BODY[] {300000}\r\n" + std::string(300'000, 'x'));
  ASSERT_TRUE(backend.paused);
  client.refuse(reset());
  EXPECT_FALSE(backend.paused);
  backend.deliver();
  EXPECT_EQ(backend.unread(), 0U);
  EXPECT_EQ(client.received, "");
  client.fail(reset());
  EXPECT_EQ(reason, EndReason::ClientFailed);
}

TEST_F(RelayTest, WaitsForTheKernelOfABackendToHaveAFailedClientsWords) {
  log_in();
  client.say("a LOGOUT\r\n");
  backend.unacknowledged = 10;
  client.fail(reset());
  EXPECT_FALSE(ended());
  look(1);
  EXPECT_FALSE(ended());
  backend.unacknowledged = 0;
  look(1);
  EXPECT_EQ(reason, EndReason::ClientFailed);
  EXPECT_EQ(ends, 1);
}

TEST_F(RelayTest, EndsWithAFailedClientWhenItsBackendAnswers) {
  log_in();
  client.say("a NOOP\r\n");
  backend.unacknowledged = 8;
  client.fail(reset());
  backend.unacknowledged = 0;
  backend.say("a OK done\r\n");
  EXPECT_EQ(reason, EndReason::ClientFailed);
  EXPECT_EQ(client.received, "");
}

TEST_F(RelayTest, PassesOnWhatIsHeldOfAFailedClient) {
  start();
  client.say("a LOGIN user secret\r\nb LOGOUT\r\n");
  client.fail(reset());
  EXPECT_FALSE(ended());
  backend.say("a OK in\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user secret\r\nb LOGOUT\r\n");
  EXPECT_TRUE(backend.finished);
  backend.say("b OK done\r\n");
  EXPECT_EQ(reason, EndReason::ClientFailed);
}

TEST_F(RelayTest, GivesUpAFailedClientWhoseBackendDoesNotAnswer) {
  start();
  client.say("a LOGIN user secret\r\nb LOGOUT\r\n");
  client.fail(reset());
  look(3);
  EXPECT_EQ(reason, EndReason::ClientFailed);
  EXPECT_EQ(backend.received, "a LOGIN user secret\r\n");
}

TEST_F(RelayTest, HoldsNoAnswerForAFailedClient) {
  hold_ms = 8'000;
  start();
  client.say("a LOGIN user wrong\r\nb LOGIN user again\r\n");
  client.fail(reset());
  EXPECT_FALSE(ended());
  backend.say("a NO wrong\r\n");
  EXPECT_EQ(reason, EndReason::ClientFailed);
  EXPECT_EQ(backend.received, "a LOGIN user wrong\r\n");
}

// ---- a client that has hung up while bytes of it wait

TEST_F(RelayTest, NoticesThatAClientIsGoneWhileBytesOfItAreHeld) {
  start();
  client.say("a LOGIN user secret\r\nb NOOP\r\n");
  ASSERT_TRUE(client.paused);
  look(5);
  EXPECT_FALSE(ended()) << "it may wait for as long as it likes";
  client.gone = true;
  look(1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, NoticesThatAClientIsGoneWhoseEndHasBeenSeen) {
  start();
  client.say("a LOGIN user secret\r\nb NOOP\r\n");
  client.end();
  look(2);
  EXPECT_FALSE(ended());
  look(1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
}

TEST_F(RelayTest, NoticesThatAClientIsGoneWhileItsBackendDoesNotRead) {
  log_in();
  backend.window = 0;
  client.say("a APPEND box {900000+}\r\n" + std::string(900'000, 'x') + "\r\n");
  ASSERT_TRUE(client.paused);
  client.gone = true;
  look(1);
  for (int i = 0; i < 10; ++i) {  // as long as the backend takes something it goes on
    backend.take(1'000);
    look(2);
    ASSERT_FALSE(ended());
  }
  look(1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
}

TEST_F(RelayTest, NoticesThatAClientIsGoneWhileAnAnswerIsHeldBack) {
  hold_ms = 60'000;
  start();
  client.say("a LOGIN user wrong\r\n");
  backend.say("a NO wrong\r\n");
  client.gone = true;
  look(3);
  EXPECT_EQ(reason, EndReason::ClientClosed);
}

TEST_F(RelayTest, LeavesAClientAloneThatIsThereAndWaits) {
  start();
  client.say("a LOGIN user secret\r\nb NOOP\r\n");
  look(1'000);
  EXPECT_FALSE(ended());
  backend.say("a NO no\r\n");
  look(1);
  EXPECT_EQ(loop.deadlines().size(), 0U) << "a client that is read again costs nothing";
}

TEST_F(RelayTest, PaysNothingForAClientThatIsRead) {
  log_in();
  client.say("i IDLE\r\n");
  backend.say("+ idling\r\n");
  EXPECT_EQ(loop.deadlines().size(), 0U);
}

// ---- a half-closed client

TEST_F(RelayTest, WaitsForABackendThatGoesOn) {
  log_in();
  client.say("b FETCH 1:* BODY[]\r\n");
  client.end();
  for (int i = 0; i < 5; ++i) {
    look(Relay::kHalfClosedMs / Relay::kLookMs);
    ASSERT_FALSE(ended());
    backend.say("* 1 FETCH (BODY[] {5}\r\nhello)\r\n");
  }
  look(Relay::kHalfClosedMs / Relay::kLookMs);
  EXPECT_FALSE(ended());
  look(1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
  EXPECT_EQ(ends, 1);
}

TEST_F(RelayTest, WaitsForAHalfClosedClientThatGoesOnReading) {
  log_in();
  client.say("b FETCH 1:* BODY[]\r\n");
  client.end();
  client.window = 0;
  backend.say("* 1 FETCH (BODY[] {100000}\r\n" + std::string(100'000, 'x') + ")\r\n");
  ASSERT_TRUE(backend.paused);
  for (int i = 0; i < 20; ++i) {
    look(Relay::kHalfClosedMs / Relay::kLookMs);
    ASSERT_FALSE(ended());
    client.take(1'000);
  }
  look(Relay::kHalfClosedMs / Relay::kLookMs + 1);
  EXPECT_EQ(reason, EndReason::ClientClosed);
}

}  // namespace
}  // namespace postern
