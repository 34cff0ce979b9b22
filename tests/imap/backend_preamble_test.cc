#include "proxy/imap/backend_preamble.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

using Hop = BackendPreamble::Hop;
using Step = BackendPreamble::Step;

// A server's side of the upgrade: sends lines and reads what the preamble sends.
class Opening {
 public:
  explicit Opening(Hop hop, std::string_view id = {}) : opening(hop, id) {}

  Step say(const std::string& text) {
    Step step = opening.feed(as_bytes(text));
    if (step == Step::Send) {
      tag = std::string(opening.to_send().substr(0, opening.to_send().find(' ')));
      command = std::string(opening.to_send().substr(tag.size() + 1));
    }
    return step;
  }
  Step secured() {
    const Step step = opening.secured();
    tag = std::string(opening.to_send().substr(0, opening.to_send().find(' ')));
    command = std::string(opening.to_send().substr(tag.size() + 1));
    return step;
  }
  std::string error() const { return opening.error().label(); }

  BackendPreamble opening;
  std::string tag;
  std::string command;
};

// Feeds byte by byte until something other than More comes.
Step by_bytes(BackendPreamble& opening, std::string_view text) {
  for (const char& c : text) {
    if (const Step step = opening.feed(as_bytes({&c, 1})); step != Step::More) {
      return step;
    }
  }
  return Step::More;
}

constexpr std::string_view kOffer = "* OK [CAPABILITY IMAP4rev1 StartTLS LOGINDISABLED] hi\r\n";

TEST(BackendPreamble, PassesTheGreetingOnAsItCame) {
  for (const std::string text :
       {"* OK hi\r\n* 1 EXISTS\r\nx", "* PREAUTH hi\r\n",
        "* OK The Microsoft Exchange IMAP4 service is ready. [U1Q=]\r\n"}) {
    BackendPreamble opening(Hop::AsIs);
    EXPECT_EQ(opening.feed(as_bytes(text)), Step::Ready);
    EXPECT_EQ(opening.first_bytes(), text);
    BackendPreamble slow(Hop::AsIs);
    EXPECT_EQ(by_bytes(slow, text), Step::Ready);
  }
}

TEST(BackendPreamble, NamesTheProtocolOfAnotherServer) {
  const auto protocol = [](std::string_view greeting) {
    BackendPreamble opening(Hop::AsIs);
    EXPECT_EQ(opening.feed(as_bytes(greeting)), Step::Failed) << greeting;
    return std::string(opening.protocol());
  };
  EXPECT_EQ(protocol("220 mail ESMTP\r\n"), "SMTP");
  EXPECT_EQ(protocol("220 (vsFTPd 3.0.3)\r\n"), "FTP");
  EXPECT_EQ(protocol("220 mail LMTP ready\r\n"), "LMTP");
  EXPECT_EQ(protocol("554 no\r\n"), "SMTP");
  EXPECT_EQ(protocol("<!DOCTYPE html>\r\n"), "HTTP");
  EXPECT_EQ(protocol("-ERR no\r\n"), "POP3");
  EXPECT_EQ(protocol("SSH-2.0-x\r\n"), "SSH");
  EXPECT_EQ(protocol("\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n"), "ManageSieve");
  EXPECT_EQ(protocol("\x16\x03\x03"), "TLS");
  EXPECT_EQ(protocol("hello\r\n"), "");
}

TEST(BackendPreamble, ShowsWhatACheckHasLearnt) {
  Opening check(Hop::AsIs, "CAPABILITY");
  ASSERT_EQ(check.say("* OK hi\r\n"), Step::Send);
  ASSERT_EQ(check.say("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n"), Step::More);
  ASSERT_EQ(check.say(check.tag + " OK done\r\n"), Step::Ready);
  EXPECT_EQ(check.opening.capabilities(), " IMAP4rev1 LOGINDISABLED");
  EXPECT_FALSE(check.opening.preauthenticated());
  Opening open(Hop::AsIs);
  ASSERT_EQ(open.say("* PREAUTH hi\r\n"), Step::Ready);
  EXPECT_TRUE(open.opening.preauthenticated());
}

// As Dovecot and Courier say it.
TEST(BackendPreamble, FailsAServerThatReadsTheProxyHeaderAsACommand) {
  for (const std::string answer : {"PROXY BAD Error in IMAP command\r\n",
                                   "PROXY NO Error in IMAP command received by server.\r\n",
                                   "* BAD Error in IMAP command\r\n"}) {
    BackendPreamble check(Hop::AsIs, "CAPABILITY", BackendPreamble::Before::ProxyHeader);
    ASSERT_EQ(check.feed(as_bytes("* OK hi\r\n")), Step::Send);
    EXPECT_EQ(check.feed(as_bytes(answer)), Step::Failed) << answer;
    EXPECT_STREQ(check.error().label(), "proxy_header_unexpected") << answer;
    BackendPreamble without(Hop::AsIs, "CAPABILITY");
    ASSERT_EQ(without.feed(as_bytes("* OK hi\r\n")), Step::Send);
    EXPECT_NE(without.feed(as_bytes(answer)), Step::Failed) << answer;
  }
}

// The line by which it fails, also where it is not the first.
TEST(BackendPreamble, ShowsTheLineByWhichItFails) {
  BackendPreamble opening(Hop::StartTls);
  ASSERT_EQ(opening.feed(as_bytes("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n")), Step::Send);
  const std::string tag(opening.to_send().substr(0, opening.to_send().find(' ')));
  EXPECT_EQ(opening.feed(as_bytes("* OK wait\r\n" + tag + " NO not today\r\n")), Step::Failed);
  EXPECT_EQ(opening.said(), tag + " NO not today");
}

TEST(BackendPreamble, RefusesWhatIsNoGreeting) {
  for (const Hop hop : {Hop::AsIs, Hop::StartTls}) {
    for (const char* text : {"SSH", "+OK POP3\r\n", "220 mail ESMTP\r\n", "* NO x\r\n", "*x",
                             "\x15\x03", "* 5 EXISTS\r\n"}) {
      BackendPreamble opening(hop);
      EXPECT_EQ(by_bytes(opening, text), Step::Failed) << text;
      EXPECT_STREQ(opening.error().label(), "not_imap") << text;
      EXPECT_EQ(opening.feed(as_bytes("x")), Step::Failed);
    }
    BackendPreamble busy(hop);
    EXPECT_EQ(busy.feed(as_bytes("* BYE [UNAVAILABLE] later\r\n")), Step::Failed);
    EXPECT_STREQ(busy.error().label(), "backend_bye");
    EXPECT_EQ(busy.said(), "* BYE [UNAVAILABLE] later");
    EXPECT_STREQ(busy.protocol(), "");
    BackendPreamble endless(hop);
    EXPECT_EQ(endless.feed(as_bytes("* OK " + std::string(BackendPreamble::kMaxLine - 5, 'x'))),
              Step::Failed);
    EXPECT_STREQ(endless.error().label(), "backend_line_too_long");
  }
}

TEST(BackendPreamble, UpgradesAndForgetsTheClearCapabilities) {
  Opening server(Hop::StartTls);
  ASSERT_EQ(server.say(std::string(kOffer)), Step::Send);
  EXPECT_EQ(server.command, "STARTTLS\r\n");
  EXPECT_GE(server.tag.size(), 12U);
  const std::string first_tag = server.tag;
  EXPECT_EQ(server.say("* OK [ALERT] soon\r\n+ what\r\nzz OK no\r\n"), Step::More);
  ASSERT_EQ(server.say(server.tag + " OK go\r\n"), Step::StartTls);
  ASSERT_EQ(server.secured(), Step::Send);
  EXPECT_EQ(server.command, "CAPABILITY\r\n");
  EXPECT_NE(server.tag, first_tag);
  EXPECT_EQ(server.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"), Step::More);
  EXPECT_EQ(server.say(server.tag + " OK done\r\n* OK late"), Step::Ready);
  EXPECT_EQ(server.opening.first_bytes(),
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] IMAP ready\r\n* OK late");
}

TEST(BackendPreamble, KeepsTheClearCapabilitiesForDiagnosisAlone) {
  Opening opening(Hop::StartTls);
  ASSERT_EQ(opening.say(std::string(kOffer)), Step::Send);
  EXPECT_EQ(opening.opening.clear_capabilities(), " IMAP4rev1 StartTLS LOGINDISABLED");
  ASSERT_EQ(opening.say(opening.tag + " OK go\r\n"), Step::StartTls);
  ASSERT_EQ(opening.secured(), Step::Send);
  EXPECT_EQ(opening.opening.capabilities(), "");
  opening.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + opening.tag + " OK done\r\n");
  EXPECT_EQ(opening.opening.capabilities(), " IMAP4rev1 AUTH=PLAIN");
  EXPECT_EQ(opening.opening.clear_capabilities(), " IMAP4rev1 StartTLS LOGINDISABLED");
}

TEST(BackendPreamble, UpgradesByteByByte) {
  BackendPreamble opening(Hop::StartTls);
  ASSERT_EQ(by_bytes(opening, kOffer), Step::Send);
  const auto tag = [&] {
    return std::string(opening.to_send().substr(0, opening.to_send().find(' ')));
  };
  ASSERT_EQ(by_bytes(opening, tag() + " ok\r\n"), Step::StartTls);
  ASSERT_EQ(opening.secured(), Step::Send);
  ASSERT_EQ(by_bytes(opening, "* CAPABILITY X\r\n" + tag() + " OK\r\n"), Step::Ready);
  EXPECT_EQ(opening.first_bytes(), "* OK [CAPABILITY X] IMAP ready\r\n");
}

TEST(BackendPreamble, AsksForCapabilitiesThatTheGreetingDoesNotList) {
  for (const char* greeting :
       {"* OK Exchange is ready. [U1RBUlRUTFM=]\r\n", "* OK [CAPABILITY IMAP4rev1] hi\r\n"}) {
    Opening server(Hop::StartTls);
    ASSERT_EQ(server.say(greeting), Step::Send);
    EXPECT_EQ(server.command, "CAPABILITY\r\n");
    EXPECT_EQ(server.say("* CAPABILITY IMAP4 STARTTLS\r\n" + server.tag + " OK\r\n"), Step::Send);
    EXPECT_EQ(server.command, "STARTTLS\r\n");
  }
}

TEST(BackendPreamble, NamesAServerWithoutStarttls) {
  Opening server(Hop::StartTls);
  ASSERT_EQ(server.say("* OK hi STARTTLS\r\n"), Step::Send);
  EXPECT_EQ(server.say("* CAPABILITY XSTARTTLS\r\n" + server.tag + " OK\r\n"), Step::Failed);
  EXPECT_EQ(server.error(), "starttls_missing");
}

TEST(BackendPreamble, TakesNoForAnAnswer) {
  for (const char* answer : {" NO not now\r\n", " BAD what\r\n"}) {
    Opening server(Hop::StartTls);
    ASSERT_EQ(server.say(std::string(kOffer)), Step::Send);
    EXPECT_EQ(server.say(server.tag + answer), Step::Failed);
    EXPECT_EQ(server.error(), "starttls_refused");
  }
}

TEST(BackendPreamble, RefusesPreauthWhereItMustUpgrade) {
  Opening server(Hop::StartTls);
  EXPECT_EQ(server.say("* PREAUTH [CAPABILITY STARTTLS] hi\r\n"), Step::Failed);
  EXPECT_EQ(server.error(), "backend_preauth");
}

TEST(BackendPreamble, RefusesBytesBetweenOkAndHandshake) {
  Opening together(Hop::StartTls);
  ASSERT_EQ(together.say(std::string(kOffer)), Step::Send);
  EXPECT_EQ(together.say(together.tag + " OK go\r\n*"), Step::Failed);
  EXPECT_EQ(together.error(), "starttls_injection");
  Opening later(Hop::StartTls);
  ASSERT_EQ(later.say(std::string(kOffer)), Step::Send);
  ASSERT_EQ(later.say(later.tag + " OK go\r\n"), Step::StartTls);
  EXPECT_EQ(later.say("* CAPABILITY X\r\n"), Step::Failed);
  EXPECT_EQ(later.error(), "starttls_injection");
}

TEST(BackendPreamble, IgnoresAnEarlyAnswer) {
  // An answer before the command: it cannot know the tag.
  Opening server(Hop::StartTls);
  ASSERT_EQ(server.say(std::string(kOffer) + "a OK go\r\n* OK go\r\n"), Step::Send);
  EXPECT_EQ(server.say("A OK go\r\n"), Step::More);
  std::string lower = server.tag;
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  EXPECT_EQ(server.say(lower + " OK go\r\n"), Step::More);  // tags compare with case
}

TEST(BackendPreamble, BoundsTheNoiseBetweenQuestionAndAnswer) {
  Opening server(Hop::StartTls);
  ASSERT_EQ(server.say(std::string(kOffer)), Step::Send);
  std::string noise;
  for (unsigned i = 0; i < BackendPreamble::kMaxLines; ++i) {
    noise += "* OK still\r\n";
  }
  EXPECT_EQ(server.say(noise), Step::More);
  EXPECT_EQ(server.say("* OK still\r\n"), Step::Failed);
  EXPECT_EQ(server.error(), "backend_line_too_long");
}

TEST(BackendPreamble, NeedsCapabilitiesInsideTls) {
  for (const char* answer : {" OK but none named\r\n", " NO\r\n"}) {
    Opening server(Hop::StartTls);
    ASSERT_EQ(server.say(std::string(kOffer)), Step::Send);
    ASSERT_EQ(server.say(server.tag + " OK\r\n"), Step::StartTls);
    ASSERT_EQ(server.secured(), Step::Send);
    EXPECT_EQ(server.say(server.tag + answer), Step::Failed);
    EXPECT_EQ(server.error(), "not_imap");
  }
}

TEST(BackendPreamble, HearsAByeAtAnyTime) {
  Opening server(Hop::StartTls);
  ASSERT_EQ(server.say(std::string(kOffer)), Step::Send);
  EXPECT_EQ(server.say("* BYE shutting down\r\n"), Step::Failed);
  EXPECT_EQ(server.error(), "backend_bye");
}

// ---- ID

constexpr std::string_view kId = "ID (\"x-originating-ip\" \"192.0.2.1\")";

TEST(BackendPreamble, SendsIdAfterAPlainGreeting) {
  Opening server(Hop::AsIs, kId);
  ASSERT_EQ(server.say("* OK hi\r\n"), Step::Send);
  EXPECT_EQ(server.command, std::string(kId) + "\r\n");
  EXPECT_EQ(server.say("* ID (\"name\" \"x\")\r\n"), Step::More);
  EXPECT_EQ(server.say(server.tag + " OK done\r\n* 1 EXISTS\r\n"), Step::Ready);
  EXPECT_EQ(server.opening.first_bytes(), "* OK hi\r\n* 1 EXISTS\r\n");
  EXPECT_FALSE(server.opening.id_refused());
}

TEST(BackendPreamble, SendsIdInsideTls) {
  Opening server(Hop::StartTls, kId);
  ASSERT_EQ(server.say(std::string(kOffer)), Step::Send);
  EXPECT_EQ(server.command, "STARTTLS\r\n") << "no ID goes out in clear";
  ASSERT_EQ(server.say(server.tag + " OK\r\n"), Step::StartTls);
  ASSERT_EQ(server.secured(), Step::Send);
  EXPECT_EQ(server.command, "CAPABILITY\r\n");
  ASSERT_EQ(server.say("* CAPABILITY IMAP4rev1\r\n" + server.tag + " OK\r\n"), Step::Send);
  EXPECT_EQ(server.command, std::string(kId) + "\r\n");
  EXPECT_EQ(server.say("* ID NIL\r\n" + server.tag + " OK\r\n"), Step::Ready);
  EXPECT_EQ(server.opening.first_bytes(), "* OK [CAPABILITY IMAP4rev1] IMAP ready\r\n");
}

TEST(BackendPreamble, ContinuesWhenTheServerRefusesId) {
  for (const char* answer : {" BAD unknown command\r\n", " NO never\r\n"}) {
    Opening server(Hop::AsIs, kId);
    ASSERT_EQ(server.say("* PREAUTH hi\r\n"), Step::Send);
    EXPECT_EQ(server.say(server.tag + answer), Step::Ready);
    EXPECT_EQ(server.opening.first_bytes(), "* PREAUTH hi\r\n");
    EXPECT_TRUE(server.opening.id_refused());
  }
}

TEST(BackendPreamble, GoesOnWhenTheServerSaysSoUnderNoTag) {
  Opening server(Hop::AsIs, kId);
  ASSERT_EQ(server.say("* OK hi\r\n"), Step::Send);
  EXPECT_EQ(server.say("* BAD malformed command\r\n"), Step::Ready);
  EXPECT_TRUE(server.opening.id_refused());
}

TEST(BackendPreamble, HearsAByeInsteadOfTheAnswerToId) {
  Opening server(Hop::AsIs, kId);
  ASSERT_EQ(server.say("* OK hi\r\n"), Step::Send);
  EXPECT_EQ(server.say("* BYE no\r\n"), Step::Failed);
  EXPECT_EQ(server.error(), "backend_bye");
}

}  // namespace
}  // namespace postern::imap
