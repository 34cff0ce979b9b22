// A relay's last words: when they may be said.
#include <string>

#include "tests/relay/relay_fixture.h"

namespace postern {
namespace {

// ---- BYE

TEST_F(RelayTest, SaysByeAtOnceAtABoundary) {
  log_in();
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  EXPECT_EQ(reason, EndReason::Drained);
  EXPECT_EQ(bye, kBye);
}

TEST_F(RelayTest, SaysNoByeAfterTheServersOwn) {
  log_in();
  client.say("z LOGOUT\r\n");
  backend.say("* BYE see you\r\nz OK done\r\n");
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  EXPECT_EQ(reason, EndReason::ClientLogout);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, SaysNoByeAfterOneThatWasNotAskedFor) {
  log_in();
  backend.say("* BYE going down\r\n");
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  EXPECT_EQ(reason, EndReason::Drained);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, SaysByeOnlyWhenTheResponseHasEnded) {
  log_in();
  const std::string response = "* 1 FETCH (BODY[] {5}\r\nhello FLAGS ())\r\n";
  for (size_t i = 0; i + 1 < response.size(); ++i) {
    backend.say(response.substr(i, 1));
    if (i == 0) {
      relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
    }
    ASSERT_FALSE(ended()) << "in the middle of a response, after byte " << i;
  }
  backend.say("\n");
  EXPECT_EQ(reason, EndReason::Drained);
  EXPECT_EQ(bye, kBye);
  EXPECT_EQ(client.received, response);
}

TEST_F(RelayTest, SaysByeOnlyWhenAllCommandsAreAnswered) {
  log_in();
  client.say("b SEARCH ALL\r\nc NOOP\r\n");
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  EXPECT_FALSE(ended());
  backend.say("* SEARCH 1 2\r\nb OK done\r\n");
  EXPECT_FALSE(ended()) << "one answer is missing";
  backend.say("c OK done\r\n");
  EXPECT_EQ(bye, kBye);
  EXPECT_EQ(client.received, "* SEARCH 1 2\r\nb OK done\r\nc OK done\r\n");
}

TEST_F(RelayTest, SaysByeToAClientThatIdles) {
  log_in();
  client.say("b IDLE\r\n");
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  EXPECT_FALSE(ended()) << "the answer to IDLE is on its way";
  backend.say("+ idling\r\n");
  EXPECT_EQ(bye, kBye);
}

TEST_F(RelayTest, SaysByeInTheMiddleOfARead) {
  log_in();
  client.say("b FETCH 1 FLAGS\r\n");
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  backend.say("* 1 FETCH (FLAGS ())\r\nb OK done\r\n* 1 FETCH (BODY[] {1000}\r\nonly this");
  EXPECT_EQ(bye, kBye);
  EXPECT_EQ(client.received, "* 1 FETCH (FLAGS ())\r\nb OK done\r\n") << "the rest is dropped";
}

TEST_F(RelayTest, SaysByeBetweenTwoResponsesOfACommandWhenTimeRunsOut) {
  log_in();
  client.say("b FETCH 1:* BODY[]\r\n");
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  backend.say("* 1 FETCH (BODY[] {5}\r\nhello)\r\n* 2 FETCH (BODY[] {5}\r\nhe");
  EXPECT_FALSE(ended());
  relay().bye_at(Stop::AtBoundary, EndReason::Drained, kBye);
  EXPECT_FALSE(ended()) << "in the middle of a literal";
  client.received.clear();
  backend.say("llo)\r\n* 3 FETCH (BODY[] {5}\r\nhe");
  EXPECT_EQ(bye, kBye);
  EXPECT_EQ(client.received, "llo)\r\n");
}

TEST_F(RelayTest, SaysNoByeAfterCompress) {
  log_in();
  client.say("b COMPRESS DEFLATE\r\n");
  backend.say("b OK active\r\n");
  for (const Stop stop : {Stop::AtRest, Stop::AtBoundary}) {
    relay().bye_at(stop, EndReason::Drained, kBye);
    backend.say("\x01\x02\r\n");
    EXPECT_FALSE(ended());
  }
  relay().end_now(EndReason::Aborted, kBye);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, EndsNowWithoutByeInsideALiteral) {
  log_in();
  backend.say("* 1 FETCH (BODY[] {1000}\r\nonly this much");
  relay().end_now(EndReason::Aborted, kBye);
  EXPECT_EQ(reason, EndReason::Aborted);
  EXPECT_EQ(bye, "");
}

TEST_F(RelayTest, EndsOnce) {
  log_in();
  relay().end_now(EndReason::IdleTimeout, kBye);
  relay().end_now(EndReason::Aborted, kBye);
  relay().bye_at(Stop::AtRest, EndReason::Drained, kBye);
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(reason, EndReason::IdleTimeout);
}

}  // namespace
}  // namespace postern
