// Filter, client to server: what is taken out, and when the client has to wait.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

using test::client;
using test::server;

const test::Said kGreeting = server("* OK hi\r\n");
constexpr std::string_view kHi = "* OK hi\r\n";

Outcome talk(test::Transcript transcript, const Filter::Options& options = {}) {
  transcript.insert(transcript.begin(), kGreeting);
  Outcome outcome = run_everywhere(transcript, options);
  EXPECT_EQ(outcome.to_client.substr(0, kHi.size()), kHi);
  outcome.to_client.erase(0, kHi.size());
  return outcome;
}

TEST(Filter, RefusesStarttlsItself) {
  for (const char* line :
       {"a STARTTLS\r\n", "a starttls\r\n", "a StartTls \r\n", "a STARTTLS now\r\n", "a STARTTLS\n",
        "a  STARTTLS\r\n", " a STARTTLS\r\n", "a STARTTLS {5}\r\n",
        "a STARTTLS {5+}\r\na\r\nbc x\r\n", "a STARTTLS ({2+}\r\nab {0+}\r\n)\r\n",
        "a STARTTLS\"x\"\r\n"}) {
    const Outcome outcome = talk({client(std::string(line) + "b NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "b NOOP\r\n") << line;
    EXPECT_EQ(outcome.to_client, "a BAD TLS is active already\r\n") << line;
    EXPECT_EQ(outcome.violation, "");
  }
  EXPECT_EQ(talk({client(std::string("a STARTTLS\0x\r\n", 14))}).to_server, "");
}

TEST(Filter, EchoesOnlyValidTags) {
  EXPECT_EQ(talk({client("a\"b STARTTLS\r\n")}).to_client, "* BAD TLS is active already\r\n");
  EXPECT_EQ(talk({client("+ STARTTLS\r\n")}).to_client, "* BAD TLS is active already\r\n");
  const std::string tag(64, 't');
  EXPECT_EQ(talk({client(tag + " STARTTLS\r\n")}).to_client,
            tag + " BAD TLS is active already\r\n");
  EXPECT_EQ(talk({client(tag + "t STARTTLS\r\n")}).to_client, "* BAD TLS is active already\r\n");
}

TEST(Filter, LetsStarttlsPassWhereItIsNoCommand) {
  const std::string text =
      "a STATUS STARTTLS \"b STARTTLS\"\r\n"
      "b RENAME {12+}\r\nx STARTTLS\r\n {2+}\r\npw\r\n"
      "c XSTARTTLS\r\nd STARTTLSX\r\n";
  EXPECT_EQ(talk({client(text)}).to_server, text);
}

TEST(Filter, PutsARefusalOnlyBetweenResponses) {
  const Outcome outcome =
      talk({server("* 1 FETCH (BODY[] {4}\r\nab"), client("a STARTTLS\r\n"),
            client("b STARTTLS\r\n"), server("cd"), server(")\r\n* 2 EXISTS\r\n")});
  EXPECT_EQ(outcome.to_client,
            "* 1 FETCH (BODY[] {4}\r\nabcd)\r\n"
            "a BAD TLS is active already\r\nb BAD TLS is active already\r\n* 2 EXISTS\r\n");
}

TEST(Filter, PutsARefusalOnlyWhenTheCommandHasEnded) {
  const Outcome outcome = talk(
      {client("a STARTTLS {3+}\r\n"), server("* 1 EXISTS\r\n* 2 EXISTS\r\n"), client("abc\r\n")});
  EXPECT_EQ(outcome.to_client, "* 1 EXISTS\r\n* 2 EXISTS\r\na BAD TLS is active already\r\n");
}

TEST(Filter, PutsNoRefusalInFrontOfTheGreeting) {
  EXPECT_EQ(run_everywhere({client("a STARTTLS\r\n"), server("* OK hi\r\n")}).to_client,
            "* OK hi\r\na BAD TLS is active already\r\n");
  Filter::Options greeted;
  greeted.swallow_greeting = true;
  EXPECT_EQ(run_everywhere({client("a STARTTLS\r\n")}, greeted).to_client,
            "a BAD TLS is active already\r\n");
}

TEST(Filter, BoundsRefusals) {
  Filter::Options options;
  options.limits.refusals = 2;
  const std::string twice = "a STARTTLS\r\na STARTTLS\r\n";
  EXPECT_EQ(talk({client(twice)}, options).violation, "");
  EXPECT_EQ(talk({client(twice), client("a STARTTLS\r\n")}, options).violation,
            "too_many_refusals");
  const test::Said login = client("l LOGIN u p\r\n");
  const test::Said in = server("l OK in\r\n");
  // After login only those that wait count.
  EXPECT_EQ(talk({login, in, client(twice), client(twice)}, options).violation, "");
  EXPECT_EQ(
      talk({login, in, server("* 1 FE"), client(twice + "a STARTTLS\r\n")}, options).violation,
      "too_many_refusals");
}

TEST(Filter, AnswersARefusalAtOnceEvenIfTheSameReadGoesWrong) {
  Filter::Options options;
  options.limits.refusals = 1;
  const Outcome outcome = talk({client("l LOGIN u p\r\n"), server("l OK in\r\n"),
                                client("a STARTTLS\r\nb STARTTLS\r\nc X x{5+}\r\n")},
                               options);
  EXPECT_EQ(outcome.violation, "bad_literal");
  EXPECT_EQ(outcome.to_client,
            "l OK in\r\na BAD TLS is active already\r\nb BAD TLS is active already\r\n");
}

TEST(Filter, HoldsASynchronisingLiteralUntilItIsGranted) {
  const test::Said login = client("a LOGIN {4}\r\nuser {2}\r\npw\r\nb STARTTLS\r\n");
  EXPECT_EQ(talk({login}).to_server, "a LOGIN {4}\r\n");
  EXPECT_EQ(talk({login}).kept, "user {2}\r\npw\r\nb STARTTLS\r\n");
  EXPECT_EQ(talk({login, server("+ OK\r\n")}).to_server, "a LOGIN {4}\r\nuser {2}\r\n");
  const Outcome outcome = talk({login, server("+ OK\r\n"), server("+\r\n"), server("a OK in\r\n")});
  EXPECT_EQ(outcome.to_server, "a LOGIN {4}\r\nuser {2}\r\npw\r\n");
  EXPECT_EQ(outcome.events, "attempt login, success login, refused");
}

TEST(Filter, TakesNothingBehindALoginUntilItIsAnswered) {
  const test::Said guesses = client("a LOGIN u p\r\nb LOGIN u q\r\nc NOOP\r\n");
  EXPECT_EQ(talk({guesses}).to_server, "a LOGIN u p\r\n");
  EXPECT_EQ(talk({guesses, server("* 1 EXISTS\r\n+ go on\r\n")}).to_server, "a LOGIN u p\r\n");
  EXPECT_EQ(talk({guesses, server("a NO wrong\r\n")}).to_server, "a LOGIN u p\r\nb LOGIN u q\r\n");
  const Outcome outcome = talk({guesses, server("a NO wrong\r\n"), server("b OK in\r\n")});
  EXPECT_EQ(outcome.to_server, "a LOGIN u p\r\nb LOGIN u q\r\nc NOOP\r\n");
  EXPECT_EQ(outcome.events, "attempt login, failure login, attempt login, success login");
  // Nobody will answer what has no tag: there is nothing to wait for.
  EXPECT_EQ(talk({client("* LOGIN u p\r\nc NOOP\r\n")}).kept, "");
}

TEST(Filter, ReadsACommandWhereALiteralWasRefused) {
  const Outcome outcome =
      talk({client("a APPEND x {30}\r\nb STARTTLS\r\nc NOOP\r\n"),
            server("* 1 EXISTS\r\nz NO other\r\n"), server("a NO [TRYCREATE] no\r\n")});
  EXPECT_EQ(outcome.to_server, "a APPEND x {30}\r\nc NOOP\r\n");
  EXPECT_EQ(outcome.kept, "");
}

TEST(Filter, IsNotDeceivedByATagUsedTwice) {
  // The BAD is for the first "a". Taken for the second one's, it would turn the literal into
  // commands.
  const test::Transcript start = {client("a FOO\r\na APPEND x {20}\r\nb LOGIN {1000+}\r\nxyz\r\n"),
                                  server("a BAD what\r\n")};
  EXPECT_EQ(talk(start).to_server, "a FOO\r\na APPEND x {20}\r\n");
  test::Transcript granted = start;
  granted.push_back(server("+ go\r\n"));
  EXPECT_EQ(talk(granted).to_server, "a FOO\r\na APPEND x {20}\r\nb LOGIN {1000+}\r\nxyz\r\n");
  EXPECT_EQ(talk(granted).events, "");
}

TEST(Filter, GivesTheFirstPlusToAnIdleThatIsStillOwedOne) {
  const test::Transcript start = {client("i IDLE\r\nDONE\r\na LOGIN {4}\r\nuser pw\r\n"),
                                  server("+ idling\r\n")};
  EXPECT_EQ(talk(start).to_server, "i IDLE\r\nDONE\r\na LOGIN {4}\r\n");
  test::Transcript granted = start;
  granted.push_back(server("i OK\r\n+ literal\r\n"));
  const Outcome outcome = talk(granted);
  EXPECT_EQ(outcome.to_server, "i IDLE\r\nDONE\r\na LOGIN {4}\r\nuser pw\r\n");
  EXPECT_EQ(outcome.events, "attempt login");  // never idling: DONE was there first
  // Refused without "+", IDLE is owed nothing.
  EXPECT_EQ(talk({start[0], server("i BAD no\r\n+ literal\r\n")}).kept, "");
}

TEST(Filter, TakesNothingButDoneDuringIdle) {
  EXPECT_EQ(talk({client("i IDLE\r\nb NOOP\r\n")}).kept, "b NOOP\r\n");
  EXPECT_EQ(talk({client("i IDLE\r\nDONE x\r\n"), server("+\r\n")}).to_server, "i IDLE\r\n");
  EXPECT_EQ(talk({client("i IDLE\r\nDONE x\r\n"), server("i BAD\r\n")}).to_server,
            "i IDLE\r\nDONE x\r\n");
}

TEST(Filter, ResumesAfterIdleHoweverItEnds) {
  EXPECT_EQ(talk({client("i IDLE\r\nb NOOP\r\nc STARTTLS\r\n"), server("i NO\r\n")}).to_server,
            "i IDLE\r\nb NOOP\r\n");
  const Outcome outcome = talk(
      {client("l LOGIN u p\r\n"), server("l OK\r\n"), client("i IDLE\r\n"), server("+ \r\n"),
       server("* 3 EXISTS\r\n"), client("done\r\nb NOOP\r\n"), server("i OK\r\n"),
       client("j IDLE\r\n"), server("+ \r\n"), server("j OK timeout\r\n"), client("DONE\r\n")});
  EXPECT_EQ(outcome.to_server, "l LOGIN u p\r\ni IDLE\r\ndone\r\nb NOOP\r\nj IDLE\r\nDONE\r\n");
  EXPECT_EQ(outcome.events, "attempt login, success login, idle, awake, idle, awake");
}

TEST(Filter, TakesOneSaslLinePerPlus) {
  const test::Transcript start = {
      client("a AUTHENTICATE PLAIN\r\nb STARTTLS\r\nc STARTTLS\r\nd STARTTLS\r\n")};
  EXPECT_EQ(talk(start).to_server, "a AUTHENTICATE PLAIN\r\n");
  test::Transcript next = start;
  next.push_back(server("+\r\n"));
  EXPECT_EQ(talk(next).to_server, "a AUTHENTICATE PLAIN\r\nb STARTTLS\r\n");
  next.push_back(server("+ more\r\n"));
  EXPECT_EQ(talk(next).to_server, "a AUTHENTICATE PLAIN\r\nb STARTTLS\r\nc STARTTLS\r\n");
  next.push_back(server("a NO [AUTHENTICATIONFAILED] no\r\n"));
  const Outcome outcome = talk(next);
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE PLAIN\r\nb STARTTLS\r\nc STARTTLS\r\n");
  EXPECT_EQ(outcome.kept, "");
  EXPECT_EQ(outcome.events, "attempt plain, failure plain, refused");
}

TEST(Filter, NeverReadsSaslLinesAsLiteralsOrCommands) {
  const Outcome outcome =
      talk({client("a authenticate xoauth2 dXNlcg=={5}\r\n"), server("+ x\r\n"), client("*\r\n"),
            server("a BAD cancelled\r\n"), client("b NOOP\r\n")});
  EXPECT_EQ(outcome.to_server, "a authenticate xoauth2 dXNlcg=={5}\r\n*\r\nb NOOP\r\n");
  EXPECT_EQ(talk({client("a AUTHENTICATE NTLM\r\n"), server("+\r\n"), client("x {99+}\r\n"),
                  server("a NO\r\n"), client("b STARTTLS\r\n")})
                .to_server,
            "a AUTHENTICATE NTLM\r\nx {99+}\r\n");
}

TEST(Filter, TurnsOpaqueFromTheFirstCompressedByte) {
  const Outcome outcome =
      talk({client("a COMPRESS DEFLATE\r\nb STARTTLS\r\n"),
            server("a OK [CAPABILITY X STARTTLS] on\r\n* CAPABILITY STARTTLS\r\n")});
  EXPECT_EQ(outcome.to_server, "a COMPRESS DEFLATE\r\nb STARTTLS\r\n");
  EXPECT_EQ(outcome.to_client, "a OK [CAPABILITY X] on\r\n* CAPABILITY STARTTLS\r\n");
  EXPECT_EQ(outcome.events, "opaque");
  EXPECT_FALSE(outcome.boundary);
}

TEST(Filter, GoesOnWhenCompressIsRefused) {
  const Outcome outcome = talk({client("a COMPRESS DEFLATE\r\nb STARTTLS\r\nc NOOP\r\n"),
                                server("a NO [COMPRESSIONACTIVE] no\r\n")});
  EXPECT_EQ(outcome.to_server, "a COMPRESS DEFLATE\r\nc NOOP\r\n");
  EXPECT_EQ(outcome.events, "refused");
}

TEST(Filter, BoundsLinesAndLiteralsBeforeLoginOnly) {
  Filter::Options options;
  options.limits.line_before_login = 40;
  options.limits.literal_before_login = 50;
  const std::string exact = "a NOOP " + std::string(31, 'x') + "\r\n";
  const std::string longer = "a NOOP " + std::string(32, 'x') + "\r\n";
  EXPECT_EQ(talk({client(exact + exact)}, options).violation, "");
  const Outcome outcome = talk({client(longer)}, options);
  EXPECT_EQ(outcome.violation, "line_too_long");
  EXPECT_EQ(outcome.to_server, longer.substr(0, 40));
  EXPECT_EQ(talk({client("a LOGIN {50+}\r\n" + std::string(50, '\n') + "\r\n")}, options).violation,
            "");
  EXPECT_EQ(talk({client("a LOGIN {51+}\r\n")}, options).violation, "literal_too_long");
  EXPECT_EQ(talk({client("a LOGIN {4294967295}\r\n")}, options).violation, "literal_too_long");
  EXPECT_EQ(talk({client("a LOGIN {99999999999999999999+}\r\n")}, options).violation,
            "bad_literal");
  const test::Said login = client("l LOGIN u p\r\n");
  EXPECT_EQ(talk({login, server("l OK in\r\n"), client(longer + "a APPEND x {51+}\r\n")}, options)
                .violation,
            "");
  EXPECT_EQ(talk({login, server("l OK in\r\n"), client("a X {9223372036854775808+}\r\n")}, options)
                .violation,
            "bad_literal");
  EXPECT_EQ(
      talk({client("a AUTHENTICATE PLAIN\r\n"), server("+\r\n"), client(std::string(41, 'x'))},
           options)
          .violation,
      "line_too_long");
}

TEST(Filter, BoundsTheHeadOfALineAlways) {
  const test::Transcript login = {client("l LOGIN u p\r\n"), server("l OK in\r\n")};
  test::Transcript transcript = login;
  transcript.push_back(client(std::string(512, 'x') + " STARTTLS\r\n"));
  const Outcome outcome = talk(transcript);
  EXPECT_EQ(outcome.violation, "line_too_long");
  EXPECT_EQ(outcome.to_server, "l LOGIN u p\r\n");
}

TEST(Filter, LetsOddBytesPassWithoutLosingTheFrame) {
  const std::string odd =
      std::string("\r\n\0 \0\r\n", 7) + "\xff\xfe x\r\n\r\na\tb\r\nDONE\r\n* X\r\n+\r\n";
  const std::string login = "l LOGIN u p\r\n";
  const Outcome outcome =
      talk({client(login), server("l OK in\r\n"), client(odd + "a STARTTLS\r\n")});
  EXPECT_EQ(outcome.to_server, login + odd);
  EXPECT_EQ(outcome.to_client, "l OK in\r\na BAD TLS is active already\r\n");
}

// Real servers take each of these for a login: Cyrus by a tag that is none, Dovecot's AUTHENTICATE
// whatever the tag, Courier with any blank between the words.
TEST(Filter, LetsNoLoginPassThatIsNotSeenAsOne) {
  const std::string long_tag(65, 't');
  for (const std::string& line : {
           std::string("+1 LOGIN u p\r\n"),
           std::string("+ AUTHENTICATE PLAIN AHUAcA==\r\n"),
           std::string("* LOGIN u p\r\n"),
           std::string(" AUTHENTICATE PLAIN AHUAcA==\r\n"),
           std::string("a/1 AUTHENTICATE PLAIN AHUAcA==\r\n"),
           std::string("a( LOGIN u p\r\n"),
           std::string("a\tLOGIN u p\r\n"),
           std::string("a\rLOGIN u p\r\n"),
           std::string("\ra LOGIN u p\r\n"),
           std::string("a \tLOGIN u p\r\n"),
           std::string("a LOGIN\tu p\r\n"),
           std::string("a  LOGIN u p\r\n"),
           std::string("a\0 LOGIN u p\r\n", 14),
           std::string("a AUTHENTICATE\tPLAIN AHUAcA==\r\n"),
           std::string("a AUTHENTICATE PLAIN\tAHUAcA==\r\n"),
           std::string("a\tID (\"x-originating-ip\" \"192.0.2.1\")\r\n"),
           std::string("b\r\n"),
           long_tag + " LOGIN u p\r\n",
           std::string("+1 LOGIN {1+}\r\nu {1+}\r\np\r\n"),
           std::string("+1 LOGIN {1}\r\n"),
       }) {
    const Outcome outcome = talk({client(line + "n NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "n NOOP\r\n") << line;
    EXPECT_TRUE(outcome.to_client.ends_with(" BAD Malformed command\r\n")) << outcome.to_client;
    EXPECT_EQ(outcome.events, "");
  }
  EXPECT_EQ(talk({client("\r\n\r\n")}).to_server, "\r\n\r\n") << "that is no command at all";
}

TEST(Filter, ReadsWhatFollowsUnauthenticateAsBeforeTheLogin) {
  const Outcome outcome = talk({client("a LOGIN u p\r\n"), server("a OK in\r\n"),
                                client("b UNAUTHENTICATE\r\n+1 LOGIN v q\r\nc\tLOGIN v q\r\n"),
                                server("b OK out\r\n")});
  EXPECT_EQ(outcome.to_server, "a LOGIN u p\r\nb UNAUTHENTICATE\r\n");
  EXPECT_EQ(outcome.events, "attempt login, success login, unauthenticated");
}

TEST(Filter, GivesEveryLoginAnAnswerOfItsOwn) {
  const Outcome outcome = talk({client("b CAPABILITY\r\nb LOGIN u p\r\nc LOGIN u p\r\n"),
                                server("b OK done\r\nc NO wrong\r\n"), client("b LOGIN u p\r\n")});
  EXPECT_EQ(outcome.to_server, "b CAPABILITY\r\nc LOGIN u p\r\nb LOGIN u p\r\n");
  EXPECT_EQ(outcome.to_client, "b BAD Tag is in use\r\nb OK done\r\nc NO wrong\r\n");
  EXPECT_EQ(outcome.events, "attempt login, failure login, attempt login");
}

TEST(Filter, BoundsCommandsInFlight) {
  Filter::Options options;
  options.limits.pending_commands = 2;
  const test::Said three = client("a NOOP\r\nb NOOP\r\nc NOOP\r\n");
  EXPECT_EQ(talk({three}, options).violation, "too_many_pending");
  const test::Transcript login = {client("l LOGIN u p\r\n"), server("l OK in\r\n"), three};
  EXPECT_EQ(talk(login, options).kept, "c NOOP\r\n");
  test::Transcript answered = login;
  answered.push_back(server("a OK\r\n"));
  EXPECT_EQ(talk(answered, options).kept, "");
}

TEST(Filter, PassesNothingAfterAViolation) {
  FilterBench bench;
  bench.server("nonsense\r\n");
  ASSERT_TRUE(bench.filter.violation());
  bench.client("a NOOP\r\n");
  bench.server("* OK\r\n");
  EXPECT_EQ(bench.to_server.text + bench.to_client.text, "");
  EXPECT_EQ(bench.kept, "");
}

}  // namespace
}  // namespace postern::imap
