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

// ---- a client that says too much before its login

struct RelayTalkTest : RelayTest {
  RelayTalkTest() {
    imap::Filter::Options few;
    few.limits.commands = 3;
    begin_with(few);
    start();
  }
  static constexpr std::string_view kTooMuch = "* BYE [LIMIT] Too many commands before login\r\n";
};

TEST_F(RelayTalkTest, HearsTheAnswersThatItHasComing) {
  client.say("a NOOP\r\nb NOOP\r\nc NOOP\r\nd NOOP\r\ne NOOP\r\n");
  EXPECT_FALSE(ended());
  client.say("f NOOP\r\n");
  EXPECT_EQ(backend.received.find("f NOOP"), std::string::npos) << "it is deaf to more";
  backend.say("a OK done\r\nb OK done\r\nc OK");
  EXPECT_FALSE(ended());
  backend.say(" done\r\n");
  if (backend.received.find("d NOOP") != std::string::npos) {
    backend.say("d OK done\r\n");
  }
  EXPECT_EQ(reason, EndReason::ClientViolation);
  EXPECT_EQ(bye, kTooMuch);
  EXPECT_STREQ(error.label(), "talk_spent");
  EXPECT_NE(client.received.find("a OK done\r\nb OK done\r\nc OK done\r\n"), std::string::npos);
}

TEST_F(RelayTalkTest, WaitsForThemForSecondsOnly) {
  client.say("a NOOP\r\nb NOOP\r\nc NOOP\r\nd NOOP\r\ne NOOP\r\n");
  for (int i = 0; i < 20; ++i) {  // however it goes on
    client.say("more\r\n");
    look(1);
  }
  EXPECT_EQ(reason, EndReason::ClientViolation);
  EXPECT_STREQ(error.label(), "talk_spent");
}

TEST_F(RelayTalkTest, ReadsALittleMeanwhile) {
  client.say("a NOOP\r\nb NOOP\r\nc NOOP\r\nd NOOP\r\n");
  client.say(std::string(kDroppedBeforeLogin + 1, 'x'));
  EXPECT_EQ(pauses(metrics::Hop::Client), 1U);
}

TEST_F(RelayTalkTest, EndsAtOnceWhenNothingIsAwaited) {
  client.say("a NOOP\r\nb NOOP\r\nc NOOP\r\n");
  backend.say("a OK done\r\nb OK done\r\nc OK done\r\n");
  EXPECT_FALSE(ended());
  for (const char* tag : {"d", "e"}) {
    client.say(std::string(tag) + " STARTTLS\r\n");  // which the gateway answers
  }
  EXPECT_EQ(reason, EndReason::ClientViolation);
  EXPECT_EQ(bye, kTooMuch);
}

}  // namespace
}  // namespace postern
