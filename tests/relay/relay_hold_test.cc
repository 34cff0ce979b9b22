// When a relay makes somebody wait: answers that are held back, and a process short of memory.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/relay/relay.h"
#include "tests/relay/relay_fixture.h"

namespace postern {
namespace {

// ---- held answers

TEST_F(RelayTest, HoldsAnAnswerForItsTimeAndReadsNobodyMeanwhile) {
  start();
  client.received.clear();
  hold_ms = 1'000;
  client.say("a LOGIN user wrong\r\nb NOOP\r\n");
  backend.say("* 1 EXISTS\r\na NO wrong\r\n* 2 EXISTS\r\n");
  EXPECT_TRUE(client.paused && backend.paused);
  client.say("c NOOP\r\n");
  backend.say("* 3 EXISTS\r\n");
  pass_ms(900);
  EXPECT_EQ(client.received, "");
  EXPECT_EQ(backend.received, "a LOGIN user wrong\r\n");
  pass_ms(1'100);
  EXPECT_EQ(client.received, "* 1 EXISTS\r\na NO wrong\r\n* 2 EXISTS\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user wrong\r\nb NOOP\r\n");
  EXPECT_FALSE(client.paused || backend.paused);
  client.deliver();
  backend.deliver();
  EXPECT_EQ(client.received, "* 1 EXISTS\r\na NO wrong\r\n* 2 EXISTS\r\n* 3 EXISTS\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user wrong\r\nb NOOP\r\nc NOOP\r\n");
  EXPECT_EQ(relay().bytes_to_client(), kGreeting.size() + client.received.size());
}

TEST_F(RelayTest, SaysTheLastWordsBehindTheAnswer) {
  hold_ms = 500;
  last_words = kBye;
  start();
  client.say("a LOGIN user wrong\r\nb LOGIN user again\r\n");
  backend.say("a NO wrong\r\n");
  EXPECT_FALSE(ended());
  pass_ms(600);
  EXPECT_EQ(reason, EndReason::Banned);
  EXPECT_EQ(bye, kBye);
  EXPECT_EQ(client.received, std::string(kGreeting) + "a NO wrong\r\n");
  EXPECT_EQ(backend.received, "a LOGIN user wrong\r\n");
}

TEST_F(RelayTest, SaysTheLastWordsAtOnceWithoutADelay) {
  hold_ms = 0;
  last_words = kBye;
  start();
  client.say("a LOGIN user wrong\r\n");
  backend.say("a NO wrong\r\n* 1 EX");
  EXPECT_EQ(reason, EndReason::Banned);
  EXPECT_EQ(client.received, std::string(kGreeting) + "a NO wrong\r\n") << "nothing after it";
}

TEST_F(RelayTest, HoldsAnAnswerThoughTheServerHangsUpBehindIt) {
  hold_ms = 1'000;
  start();
  client.received.clear();
  client.say("a LOGIN user wrong\r\n");
  backend.say("a NO wrong\r\n* BYE too many\r\n");
  backend.end();
  pass_ms(900);
  EXPECT_EQ(client.received, "");
  EXPECT_FALSE(ended());
  pass_ms(1'100);
  EXPECT_EQ(client.received, "a NO wrong\r\n* BYE too many\r\n");
  EXPECT_EQ(reason, EndReason::BackendClosed);
}

TEST_F(RelayTest, LosesNoHeldAnswerWhenItEnds) {
  hold_ms = 1'000;
  start();
  client.say("a LOGIN user wrong\r\n");
  backend.say("a NO wrong\r\n");
  relay().end_now(EndReason::LoginTimeout, kBye);
  EXPECT_EQ(client.received, std::string(kGreeting) + "a NO wrong\r\n");
  EXPECT_EQ(bye, kBye);
  pass_ms(2'000);
  EXPECT_EQ(ends, 1);
}

// ---- memory

TEST_F(RelayTest, LetsLessWaitWhileMemoryIsShort) {
  loop.memory().set_limit(800);
  loop.memory().sampled(600);
  log_in();
  client.window = 10;
  backend.say("* 1 FETCH (BODY[] {1000}\r\n");
  EXPECT_TRUE(backend.paused) << "there is something that the client has not taken";
  EXPECT_FALSE(ended());
  client.take(kMiB);
  EXPECT_FALSE(backend.paused);
}

TEST_F(RelayTest, EndsWhatWouldNeedMoreThanThereIs) {
  loop.memory().set_limit(800);
  loop.memory().sampled(800);
  log_in();
  EXPECT_FALSE(ended()) << "a client that takes what comes needs nothing";
  client.window = 10;
  backend.say("* 1 FETCH (BODY[] {1000}\r\n");
  EXPECT_EQ(reason, EndReason::LimitMemory);
  EXPECT_EQ(bye, "");
}

}  // namespace
}  // namespace postern
