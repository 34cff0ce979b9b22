#include "proxy/imap/starttls_front.h"

#include <ostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/every_split.h"

namespace postern::imap {
namespace {

using Step = StarttlsFront::Step;

struct Talk {
  std::string reply;
  Step step = Step::More;
  size_t taken = 0;
  std::string error;
  unsigned refused_logins = 0;

  bool operator==(const Talk&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Talk& talk) {
  return out << testing::PrintToString(talk.reply) << " step " << static_cast<int>(talk.step)
             << " taken " << talk.taken << " error " << talk.error << " refused "
             << talk.refused_logins;
}

Talk say(std::string_view text) {
  return test::every_split({test::client(text)}, [](const std::vector<test::Arrival>& arrivals) {
    StarttlsFront dialogue{100};
    Talk talk;
    for (const std::string_view piece : arrivals.front().pieces) {
      size_t taken = 0;
      talk.step = dialogue.feed(as_bytes(piece), taken, talk.reply);
      talk.taken += taken;
    }
    talk.error = dialogue.error().label();
    talk.refused_logins = dialogue.refused_logins();
    return talk;
  });
}

TEST(StarttlsFront, GreetsWithItsCapabilities) {
  const std::string_view greeting = StarttlsFront::greeting();
  EXPECT_EQ(greeting.find("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED ID] "), 0U);
  EXPECT_EQ(greeting.substr(greeting.size() - 2), "\r\n");
}

TEST(StarttlsFront, AnswersTheCommandsAllowedBeforeTls) {
  EXPECT_EQ(say("a CAPABILITY\r\n").reply,
            "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED ID\r\na OK CAPABILITY completed\r\n");
  EXPECT_EQ(say("b noop\n").reply, "b OK NOOP completed\r\n");
  EXPECT_EQ(say("c ID NIL\r\n").reply, "* ID (\"name\" \"postern\")\r\nc OK ID completed\r\n");
  EXPECT_EQ(say("c id (\"name\" {3+}\r\na)b)\r\n").reply,
            "* ID (\"name\" \"postern\")\r\nc OK ID completed\r\n");
  const Talk logout = say("d Logout\r\ne NOOP\r\n");
  EXPECT_EQ(logout.reply, "* BYE Logging out\r\nd OK LOGOUT completed\r\n");
  EXPECT_EQ(logout.step, Step::Logout);
  EXPECT_EQ(logout.taken, 10U);
}

TEST(StarttlsFront, LeavesBytesAfterStarttlsToTheHandshake) {
  const Talk talk = say("a NOOP\r\nb StartTLS\r\nc LOGIN u p\r\n");
  EXPECT_EQ(talk.reply, "a OK NOOP completed\r\nb OK Begin TLS negotiation now\r\n");
  EXPECT_EQ(talk.step, Step::StartTls);
  EXPECT_EQ(talk.taken, 20U);
  EXPECT_EQ(talk.refused_logins, 0U);
}

TEST(StarttlsFront, RefusesPasswordsBeforeTheyAreSent) {
  const std::string no = "a NO [PRIVACYREQUIRED] Use STARTTLS first\r\n";
  EXPECT_EQ(say("a LOGIN user pass\r\n").reply, no);
  EXPECT_EQ(say("a login {4}\r\n").reply, no);
  EXPECT_EQ(say("a LOGIN user {4}\r\n").reply, no);
  EXPECT_EQ(say("a LOGIN {4+}\r\nuser {4+}\r\npass\r\n").reply, no);
  EXPECT_EQ(say("a AUTHENTICATE PLAIN\r\n").reply, no);
  const Talk talk = say("a LOGIN {4}\r\nb AUTHENTICATE PLAIN AGE=\r\n");
  EXPECT_EQ(talk.refused_logins, 2U);
  EXPECT_EQ(talk.step, Step::More);
}

TEST(StarttlsFront, RefusesAllOtherCommands) {
  for (const char* line :
       {"a SELECT INBOX\r\n", "a\r\n", "a NOOP x\r\n", "a STARTTLS x\r\n", "a STARTTLS {3}\r\n",
        "a NOOP {3+}\r\nabc\r\n", "a ID\r\n", "a ID (\r\n"}) {
    const Talk talk = say(line);
    EXPECT_EQ(talk.reply.substr(0, 6), "a BAD ") << line;
    EXPECT_EQ(talk.step, Step::More) << line;
  }
  for (const char* line :
       {"\r\n", "* STARTTLS\r\n", "+ NOOP\r\n", "a\"b NOOP\r\n", "\x80 NOOP\r\n"}) {
    EXPECT_EQ(say(line).reply.substr(0, 6), "* BAD ") << line;
  }
}

TEST(StarttlsFront, EndsAfterTooManyBadCommands) {
  std::string text;
  for (int i = 0; i < 9; ++i) {
    text += "a X\r\n";
  }
  EXPECT_EQ(say(text).step, Step::More);
  const Talk talk = say(text + "a X\r\n");
  EXPECT_EQ(talk.step, Step::Failed);
  EXPECT_EQ(talk.error, "too_many_bad_commands");
  EXPECT_NE(talk.reply.find("* BYE Too many bad commands\r\n"), std::string::npos);
}

TEST(StarttlsFront, EndsAfterTooManyGoodCommands) {
  StarttlsFront dialogue{2};
  std::string reply;
  size_t taken = 0;
  EXPECT_EQ(dialogue.feed(as_bytes("a NOOP\r\nb NOOP\r\n"), taken, reply), Step::More);
  EXPECT_EQ(dialogue.commands_left(), 0U);
  EXPECT_EQ(dialogue.feed(as_bytes("c NOOP\r\nd STARTTLS\r\n"), taken, reply), Step::Failed);
  EXPECT_STREQ(dialogue.error().label(), "talk_spent");
  EXPECT_NE(reply.find("* BYE [LIMIT] Too many commands before TLS\r\n"), std::string::npos);
}

TEST(StarttlsFront, EndsAfterTooManyPieces) {
  StarttlsFront dialogue{100'000};
  std::string reply;
  size_t taken = 0;
  size_t pieces = 0;
  while (dialogue.feed(as_bytes("a NOOP\r\n"), taken, reply) == Step::More) {
    ++pieces;
  }
  EXPECT_LE(pieces, StarttlsFront::kMaxBytes / TalkBudget::kPiece);
  EXPECT_STREQ(dialogue.error().label(), "talk_spent");
}

TEST(StarttlsFront, BoundsCommands) {
  const std::string fits = "a " + std::string(StarttlsFront::kMaxCommand - 4, 'x') + "\r\n";
  StarttlsFront dialogue{100};
  std::string reply;
  size_t taken = 0;
  EXPECT_EQ(dialogue.feed(as_bytes(fits), taken, reply), Step::More);
  EXPECT_EQ(reply.substr(0, 6), "a BAD ");
  EXPECT_EQ(dialogue.feed(as_bytes("x" + fits), taken, reply), Step::Failed);
  EXPECT_STREQ(dialogue.error().label(), "line_too_long");

  EXPECT_EQ(say("a ID {8179+}\r\n").error, "literal_too_long");
  EXPECT_EQ(say("a ID {8178+}\r\n").step, Step::More);
  EXPECT_EQ(say("a LOGIN {99999999999999999999+}\r\n").error, "bad_literal");
  // Many literals are bounded as one.
  StarttlsFront other{100};
  const std::string literals = "a ID ({4000+}\r\n" + std::string(4000, 'x') + " {4000+}\r\n" +
                               std::string(4000, 'x') + " {4000+}\r\n";
  EXPECT_EQ(other.feed(as_bytes(literals), taken, reply), Step::Failed);
  EXPECT_STREQ(other.error().label(), "literal_too_long");
}

TEST(StarttlsFront, RecognisesTlsAndHttp) {
  const Talk tls = say(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_EQ(tls.step, Step::Failed);
  EXPECT_EQ(tls.error, "tls_on_cleartext");
  EXPECT_EQ(tls.reply, "");
  const Talk http = say("GET / HTTP/1.1\r\nHost: x\r\n");
  EXPECT_EQ(http.error, "http_on_cleartext");
  EXPECT_EQ(http.reply, "* BYE This is IMAP, not HTTP\r\n");
}

TEST(StarttlsFront, KnowsAProxyHeader) {
  EXPECT_EQ(say("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n").step, Step::ProxyHeader);
  EXPECT_EQ(say("PROXY UNKNOWN\r\na NOOP\r\n").step, Step::ProxyHeader);
  EXPECT_EQ(say({"\r\n\r\n\0\r\nQUIT\n!\x11", 14}).step, Step::ProxyHeader);
  EXPECT_EQ(say("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n").reply, "");
  EXPECT_EQ(say("PROXY NOOP\r\n").reply, "PROXY OK NOOP completed\r\n");
}

}  // namespace
}  // namespace postern::imap
