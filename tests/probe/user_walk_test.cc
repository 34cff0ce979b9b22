#include "proxy/probe/internal/user_walk.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::probe {
namespace {

using Step = UserWalk::Step;

const Credentials& anna() {
  static const Credentials credentials("anna", "open \"sesame\"");
  return credentials;
}

// What the walk sends for what the server says; "" if nothing.
std::string say(UserWalk& walk, const std::string& text) {
  if (walk.feed(as_bytes(text)) != Step::Send) {
    return "";
  }
  std::string sent(walk.to_send());
  walk.sent();
  EXPECT_EQ(walk.to_send(), "");
  return sent;
}

std::string begin(UserWalk& walk) {
  EXPECT_EQ(walk.begin(), Step::Send);
  std::string sent(walk.to_send());
  walk.sent();
  return sent;
}

TEST(UserWalk, LogsInAndLooksAround) {
  UserWalk walk(anna());
  EXPECT_EQ(begin(walk), "P0 LOGIN {4}\r\n");
  EXPECT_EQ(say(walk, "+ OK\r\n"), "anna {13}\r\n");
  EXPECT_EQ(say(walk, "+ \r\n"), "open \"sesame\"\r\n");
  EXPECT_EQ(say(walk, "P0 OK [CAPABILITY IMAP4rev1] welcome\r\n"), "P1 CAPABILITY\r\n");
  EXPECT_EQ(say(walk, "* CAPABILITY IMAP4rev1\r\nP1 OK done\r\n"), "P2 LIST \"\" \"*\"\r\n");
  EXPECT_EQ(say(walk, "* LIST () \"/\" INBOX\r\n* LIST () \"/\" {5}\r\nP2 OK\r\n"),
            "P3 EXAMINE INBOX\r\n");
  EXPECT_EQ(walk.feed(as_bytes("* 17 EXISTS\r\n* 1 RECENT\r\nP3 OK [READ-ONLY] done\r\n")),
            Step::Done);
  EXPECT_EQ(walk.login(), imap::LoginResult::Success);
  ASSERT_EQ(walk.steps().size(), 4U);
  EXPECT_EQ(walk.steps()[2].items, 2U);
  EXPECT_EQ(walk.steps()[3].items, 17U);
  for (const UserStep& step : walk.steps()) {
    EXPECT_TRUE(step.ok) << step.command;
    EXPECT_EQ(step.said, "");
  }
}

TEST(UserWalk, ReadsTheSameWhereverItIsCut) {
  UserWalk walk(anna());
  begin(walk);
  std::string sent;
  for (const char& c : std::string_view("+ OK\r\n+\r\nP0 OK hi\r\n* CAPABILITY X\r\nP1 OK\r\n"
                                        "* LIST () \"/\" INBOX\r\nP2 NO [SERVERBUG] later\r\n")) {
    sent += say(walk, std::string(1, c));
  }
  EXPECT_EQ(sent,
            "anna {13}\r\nopen \"sesame\"\r\nP1 CAPABILITY\r\nP2 LIST \"\" \"*\"\r\n"
            "P3 EXAMINE INBOX\r\n");
  EXPECT_EQ(walk.feed(as_bytes("P3 BAD no\r\n")), Step::Done);
  ASSERT_EQ(walk.steps().size(), 4U);
  EXPECT_EQ(walk.steps()[2].said, "P2 NO [SERVERBUG] later");
  EXPECT_EQ(walk.steps()[3].said, "P3 BAD no");
}

TEST(UserWalk, EndsWithARefusedLogin) {
  const std::pair<const char*, imap::LoginResult> answers[] = {
      {"P0 NO [AUTHENTICATIONFAILED] no\r\n", imap::LoginResult::Failure},
      {"P0 NO no\r\n", imap::LoginResult::Failure},
      {"P0 NO [UNAVAILABLE] later\r\n", imap::LoginResult::Unavailable},
      {"P0 BAD what\r\n", imap::LoginResult::Unsupported},
  };
  for (const auto& [answer, result] : answers) {
    UserWalk walk(anna());
    begin(walk);
    say(walk, "+\r\n");
    say(walk, "+\r\n");
    EXPECT_EQ(walk.feed(as_bytes(answer)), Step::Done);
    EXPECT_EQ(walk.login(), result) << answer;
    EXPECT_FALSE(walk.steps().at(0).ok);
  }
}

TEST(UserWalk, SendsNoPasswordUnasked) {
  UserWalk walk(anna());
  begin(walk);
  EXPECT_EQ(walk.feed(as_bytes("P0 NO [PRIVACYREQUIRED] never in clear\r\n")), Step::Done);
  EXPECT_EQ(walk.to_send(), "");
  EXPECT_EQ(walk.login(), imap::LoginResult::PrivacyRequired);
}

TEST(UserWalk, BoundsWhatItReads) {
  UserWalk walk(anna());
  begin(walk);
  const std::string flood(1 * kMiB, 'x');
  Step step = Step::More;
  size_t times = 0;
  while (step == Step::More && times < 100) {
    step = walk.feed(as_bytes(flood));
    ++times;
  }
  EXPECT_EQ(step, Step::Done);
  EXPECT_LE(times, 17U);
  EXPECT_EQ(walk.login(), std::nullopt);
}

}  // namespace
}  // namespace postern::probe
