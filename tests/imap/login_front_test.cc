#include "proxy/imap/login_front.h"

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/base/bytes.h"
#include "tests/support/every_split.h"

namespace postern::imap {
namespace {

using Answer = LoginFront::Answer;
using Step = LoginFront::Step;
using test::client;
using test::server;
using test::Transcript;

// What has come of a transcript.
struct Outcome {
  Step step = Step::More;
  Answer answer = Answer::None;
  std::string user;
  std::string to_client;
  std::string to_server;
  std::string left;  // of the server, after the answer

  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << static_cast<int>(outcome.step) << ' ' << static_cast<int>(outcome.answer)
             << " user " << outcome.user << "\n-> client: " << outcome.to_client
             << "\n-> server: " << outcome.to_server << "\nleft: " << outcome.left;
}

void server_says(std::string_view bytes, LoginFront& front, Outcome& outcome) {
  size_t taken = 0;
  if (outcome.answer == Answer::None) {
    outcome.answer =
        front.from_server(as_bytes(bytes), taken, outcome.to_client, outcome.to_server);
  }
  outcome.left.append(bytes.substr(taken));
}

Outcome play(const std::vector<test::Arrival>& arrivals) {
  LoginFront front("IMAP4rev1 SASL-IR AUTH=PLAIN");
  Outcome outcome;
  for (const test::Arrival& arrival : arrivals) {
    for (const std::string_view piece : arrival.pieces) {
      if (!arrival.client) {
        server_says(piece, front, outcome);
        continue;
      }
      outcome.step = front.from_client(as_bytes(piece), outcome.to_client);
      if (outcome.step == Step::Named) {
        outcome.user = front.user();
        front.greeted(outcome.to_server);
      }
    }
  }
  return outcome;
}

Outcome talk(const Transcript& transcript) {
  return test::every_split(transcript, play);
}

TEST(LoginFront, GreetsWithWhatAllServersCanDo) {
  EXPECT_EQ(LoginFront("IMAP4rev1 IDLE").greeting(),
            "* OK [CAPABILITY IMAP4rev1 IDLE] postern ready\r\n");
}

TEST(LoginFront, AnswersWhatNeedsNoUser) {
  const Outcome outcome =
      talk({client("a CAPABILITY\r\nb NOOP\r\nc ID (\"name\" \"x\")\r\nd SELECT INBOX\r\n")});
  EXPECT_EQ(outcome.step, Step::More);
  EXPECT_EQ(outcome.to_client,
            "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\na OK CAPABILITY completed\r\n"
            "b OK NOOP completed\r\n"
            "* ID (\"name\" \"postern\")\r\nc OK ID completed\r\n"
            "d BAD Unknown command, or not before login\r\n");
}

TEST(LoginFront, SaysGoodbye) {
  const Outcome outcome = talk({client("a LOGOUT\r\n")});
  EXPECT_EQ(outcome.step, Step::Logout);
  EXPECT_EQ(outcome.to_client, "* BYE Logging out\r\na OK LOGOUT completed\r\n");
}

TEST(LoginFront, SaysALoginAgainWordForWord) {
  const Outcome outcome = talk({client("a LOGIN \"An\\\"na\" \"open sesame\"\r\n"),
                                server("a OK [CAPABILITY IMAP4rev1] in\r\n* 1 EXISTS\r\n")});
  EXPECT_EQ(outcome.user, "An\"na");
  EXPECT_EQ(outcome.to_server, "a LOGIN \"An\\\"na\" \"open sesame\"\r\n");
  EXPECT_EQ(outcome.answer, Answer::Final);
  EXPECT_EQ(outcome.to_client, "a OK [CAPABILITY IMAP4rev1] in\r\n");
  EXPECT_EQ(outcome.left, "* 1 EXISTS\r\n");
}

TEST(LoginFront, SaysALiteralWhenTheServerAsksForIt) {
  const std::string first = "a LOGIN {4}\r\n";
  const Outcome before = talk({client(first + "anna {2}\r\n\xc3\xbc\r\n")});
  EXPECT_EQ(before.user, "anna");
  EXPECT_EQ(before.to_client, "+ \r\n+ \r\n") << "Filter does not pass them on";
  EXPECT_EQ(before.to_server, first) << "the rest waits";
  const Outcome asked = talk({client(first + "anna {2}\r\n\xc3\xbc\r\n"), server("+ go on\r\n")});
  EXPECT_EQ(asked.to_server, first + "anna {2}\r\n");
  EXPECT_EQ(asked.to_client, "+ \r\n+ \r\n");
  const Outcome all = talk({client(first + "anna {2}\r\n\xc3\xbc\r\n"),
                            server("+ go on\r\n+\r\na NO [AUTHENTICATIONFAILED] no\r\n")});
  EXPECT_EQ(all.to_server, first + "anna {2}\r\n\xc3\xbc\r\n");
  EXPECT_EQ(all.answer, Answer::Refused);
  EXPECT_EQ(all.to_client, "+ \r\n+ \r\na NO [AUTHENTICATIONFAILED] no\r\n");
}

TEST(LoginFront, PassesOnNoPlusThatTheClientHasHad) {
  const Outcome outcome =
      talk({client("a AUTHENTICATE PLAIN\r\nAGFubmEAc2VzYW1l\r\n"), server("+ \r\na OK in\r\n")});
  EXPECT_EQ(outcome.user, "anna");
  EXPECT_EQ(outcome.to_client, "+ \r\na OK in\r\n");
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE PLAIN\r\nAGFubmEAc2VzYW1l\r\n");
}

TEST(LoginFront, PassesOnWhatTheServerAsksForNext) {
  const Outcome outcome = talk({client("a AUTHENTICATE LOGIN\r\nYW5uYQ==\r\n"),
                                server("+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n")});
  EXPECT_EQ(outcome.user, "anna");
  EXPECT_EQ(outcome.to_client, "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE LOGIN\r\nYW5uYQ==\r\n");
  EXPECT_EQ(outcome.answer, Answer::None);
}

TEST(LoginFront, SaysAnInitialResponseAsOne) {
  const Outcome outcome = talk({client("a AUTHENTICATE PLAIN AGFubmEAc2VzYW1l\r\n")});
  EXPECT_EQ(outcome.user, "anna");
  EXPECT_EQ(outcome.to_client, "");
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE PLAIN AGFubmEAc2VzYW1l\r\n");
}

TEST(LoginFront, KeepsTheRestIfTheServerRefusesTheStart) {
  const Outcome outcome = talk({client("a AUTHENTICATE PLAIN\r\nAGFubmEAc2VzYW1l\r\n"),
                                server("a NO no such mechanism\r\n* BYE\r\n")});
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE PLAIN\r\n");
  EXPECT_EQ(outcome.answer, Answer::Refused);
  EXPECT_EQ(outcome.left, "* BYE\r\n");
}

TEST(LoginFront, RefusesMechanismsThatDoNotShowTheUserFirst) {
  for (const char* mechanism : {"CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "X-NEW"}) {
    const Outcome outcome = talk({client(std::string("a AUTHENTICATE ") + mechanism + "\r\n")});
    EXPECT_EQ(outcome.step, Step::More);
    EXPECT_TRUE(outcome.to_client.starts_with("a NO [CANNOT] ")) << outcome.to_client;
  }
}

TEST(LoginFront, RefusesResponsesThatServersReadInTwoWays) {
  // user=carl^Auser=anna^A^A
  const Outcome outcome =
      talk({client("a AUTHENTICATE XOAUTH2 dXNlcj1jYXJsAXVzZXI9YW5uYQEB\r\nb NOOP\r\n")});
  EXPECT_EQ(outcome.step, Step::More);
  EXPECT_EQ(
      outcome.to_client,
      "a NO [CANNOT] This response does not show whose mail it is for\r\nb OK NOOP completed\r\n");
}

TEST(LoginFront, LetsTheClientGiveUp) {
  const Outcome outcome = talk({client("a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n")});
  EXPECT_EQ(outcome.to_client, "+ \r\na BAD AUTHENTICATE cancelled\r\nb OK NOOP completed\r\n");
}

TEST(LoginFront, TakesALoginWithoutAName) {
  EXPECT_EQ(talk({client("a AUTHENTICATE EXTERNAL =\r\n")}).user, "");
  const Outcome outcome = talk({client("a AUTHENTICATE EXTERNAL\r\n\r\n")});
  EXPECT_EQ(outcome.step, Step::Named);
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE EXTERNAL\r\n");
}

TEST(LoginFront, AwaitsTheAnswerAfterAnUntaggedBad) {
  const Outcome bad =
      talk({client("a LOGIN anna x\r\n"), server("* BAD [ALERT] not in clear\r\n")});
  EXPECT_EQ(bad.answer, Answer::None);
  const Outcome outcome =
      talk({client("a LOGIN anna x\r\n"),
            server("* BAD [ALERT] not in clear\r\na NO [PRIVACYREQUIRED]\r\n")});
  EXPECT_EQ(outcome.answer, Answer::Refused);
  EXPECT_EQ(outcome.to_client, "* BAD [ALERT] not in clear\r\na NO [PRIVACYREQUIRED]\r\n");
}

TEST(LoginFront, GoesOnWithTheClientIfAnUntaggedBadWasAll) {
  LoginFront front("IMAP4rev1");
  std::string to_client;
  std::string to_server;
  size_t taken = 0;
  ASSERT_EQ(front.from_client(as_bytes("a LOGIN anna x\r\n"), to_client), Step::Named);
  front.greeted(to_server);
  EXPECT_FALSE(front.is_rejected());
  front.from_server(as_bytes("* BAD what\r\n"), taken, to_client, to_server);
  EXPECT_TRUE(front.is_rejected());
  front.give_up();
  EXPECT_FALSE(front.is_rejected());
  ASSERT_EQ(front.from_client(as_bytes("b LOGIN bert x\r\n"), to_client), Step::Named);
  EXPECT_EQ(front.user(), "bert");
}

TEST(LoginFront, LooksNoFurtherOnceTheServerSaysBye) {
  const Outcome outcome =
      talk({client("a LOGIN anna x\r\n"), server("* BYE full\r\na NO full\r\n")});
  EXPECT_EQ(outcome.answer, Answer::Final);
  EXPECT_EQ(outcome.left, "a NO full\r\n");
}

TEST(LoginFront, PassesOnWhatIsNoAnswer) {
  const Outcome outcome = talk({client("a LOGIN anna x\r\n"),
                                server("* CAPABILITY IMAP4rev1\r\n* OK wait\r\nb OK other\r\n")});
  EXPECT_EQ(outcome.answer, Answer::None);
  EXPECT_EQ(outcome.to_client, "* CAPABILITY IMAP4rev1\r\n* OK wait\r\nb OK other\r\n");
}

TEST(LoginFront, GivesUpALineThatIsTooLong) {
  const Outcome outcome = play(test::cut_at(
      {client("a LOGIN anna x\r\n"), server("* OK " + std::string(LoginFront::kMaxLine, 'x'))}, 0));
  EXPECT_EQ(outcome.answer, Answer::Unreadable);
}

TEST(LoginFront, TakesAnotherLoginAfterARefusal) {
  LoginFront front("IMAP4rev1");
  std::string to_client;
  std::string to_server;
  size_t taken = 0;
  for (const char* user : {"anna", "bert", "carl"}) {
    const std::string login = std::string("a LOGIN ") + user + " {1}\r\nx\r\n";
    to_server.clear();
    ASSERT_EQ(front.from_client(as_bytes(login), to_client), Step::Named);
    EXPECT_EQ(front.user(), user);
    front.greeted(to_server);
    ASSERT_EQ(front.from_server(as_bytes("+ \r\na NO no\r\n"), taken, to_client, to_server),
              Answer::Refused);
    EXPECT_EQ(to_server, login);
  }
}

TEST(CommonCapabilities, AreThoseOfAll) {
  EXPECT_EQ(common_capabilities({}), "IMAP4rev1");
  EXPECT_EQ(common_capabilities({" IMAP4rev1 IDLE SASL-IR", " IMAP4rev1 SASL-IR NAMESPACE"}),
            "IMAP4rev1 SASL-IR");
  EXPECT_EQ(common_capabilities({"IMAP4rev1 idle", ""}), "IMAP4rev1") << "nothing is known of one";
}

TEST(CommonCapabilities, AreWithoutWhatTheGatewayCannotServe) {
  EXPECT_EQ(common_capabilities({"IMAP4rev1 STARTTLS LOGINDISABLED AUTH=PLAIN AUTH=CRAM-MD5 "
                                 "AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS AUTH=GSSAPI "
                                 "AUTH=OAUTHBEARER x]y"}),
            "IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256 AUTH=OAUTHBEARER");
}

}  // namespace
}  // namespace postern::imap
