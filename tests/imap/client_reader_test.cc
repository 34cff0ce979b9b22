// Filter, client to server after login: everything passes, and the gateway follows it.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

using test::client;
using test::server;

constexpr std::string_view kPlus = "l OK [CAPABILITY IMAP4rev1 LITERAL+] in\r\n";
constexpr std::string_view kLogin = "l LOGIN u p\r\n";

// What passes and what is reported after a login.
Outcome talk(test::Transcript transcript, std::string_view in = kPlus) {
  transcript.insert(transcript.begin(), {server("* OK hi\r\n"), client(kLogin), server(in)});
  Outcome outcome = run_everywhere(transcript);
  EXPECT_EQ(outcome.to_server.substr(0, kLogin.size()), kLogin);
  outcome.to_server.erase(0, kLogin.size());
  constexpr std::string_view kEvents = "attempt login, success login";
  EXPECT_EQ(outcome.events.substr(0, kEvents.size()), kEvents);
  outcome.events.erase(0, std::min(kEvents.size() + 2, outcome.events.size()));
  return outcome;
}

// A FilterBench after a login.
struct LoggedIn : FilterBench {
  explicit LoggedIn(std::string_view in = kPlus) {
    server("* OK hi\r\n");
    client(kLogin);
    server(in);
    to_server.text.clear();
    to_client.text.clear();
    log.events.clear();
  }
  bool rests() { return filter.at_boundary() && filter.nothing_owed(); }
};

TEST(ClientReader, PassesEverythingAtOnce) {
  const std::string odd =
      std::string("\r\n\0 \0\r\n", 7) +
      "\xff\xfe x\r\n\r\na\tb\r\nDONE\r\n* X\r\n+\r\na APPEND x {5}\r\nabcde\r\na STARTTLS\r\n"
      "b IDLE \"x {0+}\r\nc X {9223372036854775808+}\r\nd X x{5+}\r\ne LOGIN {4}\r\n"
      "f AUTHENTICATE PLAIN {9+}\r\ng COMPRESS DEFLATE\r\nh ID (\"x-originating-ip\" {1}\r\n" +
      std::string(100'000, 'x');
  LoggedIn bench;
  bench.client(odd);
  EXPECT_EQ(bench.to_server.text, odd);
  EXPECT_EQ(bench.kept, "");
  EXPECT_FALSE(bench.filter.violation());
}

TEST(ClientReader, PassesAnyNumberOfUnansweredCommands) {
  LoggedIn bench;
  for (int i = 0; i < 1000; ++i) {
    bench.client(std::to_string(i) + " NOOP\r\n");
  }
  EXPECT_EQ(bench.kept, "");
  EXPECT_FALSE(bench.rests());
  bench.server("999 OK done\r\n");
  EXPECT_TRUE(bench.rests());
}

// ---- literals

TEST(ClientReader, WaitsForThePlusOfALiteral) {
  LoggedIn bench;
  bench.client("a APPEND x {9}\r\n");
  bench.server("+ go\r\n");
  bench.client("b IDLE\r\nc");
  EXPECT_FALSE(bench.filter.idling());
  bench.client("\r\n");
  bench.server("a OK done\r\n");
  EXPECT_TRUE(bench.rests());
}

// Dovecot asks for the octets as soon as it has read the "}".
TEST(ClientReader, TakesAPlusThatComesBeforeTheLineEnd) {
  const std::string_view rest = "\r\ni IDLE\r\n\r\n";
  for (size_t cut = 0; cut <= 2; ++cut) {
    LoggedIn bench;
    bench.client("a APPEND x {8}" + std::string(rest.substr(0, cut)));
    bench.server("+ OK\r\n");
    bench.client(rest.substr(cut));
    bench.server("a OK done\r\n");
    EXPECT_TRUE(bench.rests()) << cut;
    EXPECT_EQ(bench.log.events, "");
  }
}

TEST(ClientReader, SkipsALiteralThatTheServerAcceptsAtOnce) {
  const Outcome outcome = talk(
      {client("a APPEND x {10+}\r\nc IDLE\r\nde\r\n"), server("+ x\r\n"), server("a OK done\r\n")});
  EXPECT_EQ(outcome.events, "");
  EXPECT_TRUE(outcome.boundary);
}

TEST(ClientReader, ReadsACommandAfterARefusedLiteral) {
  LoggedIn bench;
  bench.client("a APPEND x {30}\r\n");
  bench.server("* 1 EXISTS\r\na NO [TRYCREATE] no\r\n");
  EXPECT_TRUE(bench.rests());
  bench.client("i IDLE\r\n");
  bench.server("+ idling\r\n");
  EXPECT_TRUE(bench.filter.idling());
}

// Microsoft 365 refuses a literal in this way.
TEST(ClientReader, ContinuesAfterALiteralRefusedWithoutATag) {
  LoggedIn bench;
  bench.client("a APPEND x {9}\r\n");
  bench.server("* BAD x\r\n");
  bench.client("b NOOP\r\n");
  EXPECT_TRUE(bench.to_server.text.ends_with("b NOOP\r\n"));
  EXPECT_FALSE(bench.filter.at_boundary()) << "unsure: nothing may be inserted";
  bench.server("b OK done\r\n");
  EXPECT_TRUE(bench.rests());
}

TEST(ClientReader, IsUnsureOfAClientThatDoesNotWait) {
  LoggedIn bench;
  bench.client("a APPEND x {4}\r\nb NOOP\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
  bench.server("+ go\r\na NO what\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
  bench.client("c NOOP\r\n");
  bench.server("c OK done\r\n");
  EXPECT_TRUE(bench.rests());
}

TEST(ClientReader, IsUnsureWhereServersDiffer) {
  for (const char* line : {"a IDLE \"x {2+}\r\n", "a X x{2+}\r\n", "a X {9223372036854775808+}\r\n",
                           "a X {9223372036854775808}\r\n"}) {
    LoggedIn bench;
    bench.client(std::string(line) + "b COMPRESS DEFLATE\r\n");
    EXPECT_FALSE(bench.filter.at_boundary()) << line;
    bench.server("a BAD what\r\n");
    EXPECT_FALSE(bench.filter.at_boundary()) << line;
    bench.server("b OK active\r\n");
    EXPECT_TRUE(bench.filter.opaque()) << line;
  }
}

// Cyrus gives up each of these commands before it has read the literal, and runs the octets.
TEST(ClientReader, IsUnsureOfALiteralInACommandThatTakesNone) {
  for (const char* head : {"x AUTHENTICATE PLAIN", "x COMPRESS", "x ENABLE", "x IDLE", "x NOOP",
                           "x LOGOUT", "x UNAUTHENTICATE", "x STARTTLS"}) {
    LoggedIn bench;
    bench.client(std::string(head) + " {17+}\r\n");
    EXPECT_FALSE(bench.filter.at_boundary()) << head;
    bench.client("u UNAUTHENTICATE\r\nb LOGIN v q\r\n");
    bench.server("x BAD no\r\nu OK out\r\nb NO wrong\r\n");
    EXPECT_STREQ(bench.filter.violation().label(), "unauthenticated") << head;
    EXPECT_EQ(bench.to_client.text.find("b NO"), std::string::npos)
        << "a command that was not counted has no answer";
  }
}

TEST(ClientReader, IsUnsureOfALiteralThatTheServerDoesNotOffer) {
  for (const auto& [in, size, sure] :
       {std::tuple{"l OK in\r\n", "5", false},
        {"l OK [CAPABILITY IMAP4rev1] in\r\n", "5", false},
        {"l OK [CAPABILITY IMAP4rev1 LITERAL-] in\r\n", "5", true},
        {"l OK [CAPABILITY IMAP4rev2] in\r\n", "4096", true},
        {"l OK [CAPABILITY IMAP4rev1 LITERAL-] in\r\n", "4097", false},
        {"l OK [CAPABILITY IMAP4rev1 LITERAL+] in\r\n", "4097", true},
        {"l OK in\r\n* CAPABILITY IMAP4rev1 LITERAL+\r\n", "5", true}}) {
    LoggedIn bench(in);
    bench.client(std::string("a APPEND x {") + size + "+}\r\n");
    EXPECT_EQ(bench.filter.at_boundary(), sure) << in << size;
  }
}

TEST(ClientReader, IsUnsureOfACommandAnsweredTooEarly) {
  LoggedIn bench;
  bench.client("a APPEND x {100+}\r\nxyz\r\n");
  bench.server("a NO [TOOBIG] x\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
  bench.client(std::string(95, 'x') + "\r\nb NOOP\r\n");
  bench.server("b OK done\r\n");
  EXPECT_TRUE(bench.rests());
}

// ---- tags

TEST(ClientReader, IsUnsureOfATagUsedTwice) {
  LoggedIn bench;
  bench.client("a FOO\r\na APPEND x {20}\r\n");
  bench.server("a BAD what\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
  bench.server("a NO no\r\n");
  EXPECT_TRUE(bench.rests());
}

TEST(ClientReader, IsUnsureOfAnUnexpectedAnswer) {
  LoggedIn bench;
  bench.server("x OK done\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
  bench.client("a NOOP\r\n");
  bench.server("a OK\r\n");
  EXPECT_TRUE(bench.rests());
  bench.server("+ what\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
}

// ---- IDLE

TEST(ClientReader, FollowsIdle) {
  const Outcome outcome =
      talk({client("i IDLE\r\n"), server("+ \r\n"), server("* 3 EXISTS\r\n"),
            client("done\r\nb NOOP\r\n"), server("i OK\r\n"), client("j IDLE\r\n"),
            server("+ \r\n"), server("j OK timeout\r\n"), client("DONE\r\n")});
  EXPECT_EQ(outcome.to_server, "i IDLE\r\ndone\r\nb NOOP\r\nj IDLE\r\nDONE\r\n");
  EXPECT_EQ(outcome.events, "idle, awake, idle, awake");
}

TEST(ClientReader, EndsIdleWithAnyLineOfTheClient) {
  for (const char* line : {"\r\n", "b NOOP\r\n", "b LOGOUT\r\n", "x {5}\r\n", "DONE x\r\n"}) {
    LoggedIn bench;
    bench.client("i IDLE\r\n");
    bench.server("+ idling\r\n");
    EXPECT_TRUE(bench.filter.idling());
    EXPECT_TRUE(bench.rests());
    bench.client(line);
    EXPECT_TRUE(bench.to_server.text.ends_with(line));
    EXPECT_FALSE(bench.filter.idling());
    bench.server("i BAD Expected DONE\r\n");
    EXPECT_TRUE(bench.rests()) << line;
    bench.client("c NOOP\r\n");
    bench.server("c OK\r\n");
    EXPECT_TRUE(bench.rests()) << line;
  }
}

TEST(ClientReader, AcceptsAnEarlyDone) {
  const Outcome outcome = talk(
      {client("i IDLE\r\nDONE\r\nb NOOP\r\n"), server("+ idling\r\n"), server("i OK\r\nb OK\r\n")});
  EXPECT_EQ(outcome.events, "") << "never idling: DONE was there first";
  EXPECT_TRUE(outcome.boundary);
}

TEST(ClientReader, IsUnsureOfLinesBeforeIdleHasBegun) {
  LoggedIn bench;
  bench.client("i IDLE\r\nb NOOP\r\n");
  EXPECT_FALSE(bench.filter.at_boundary());
  bench.server("i NO\r\nb OK\r\n");
  EXPECT_TRUE(bench.rests());
}

// ---- what makes the stream unreadable

TEST(ClientReader, TurnsOpaqueFromTheFirstCompressedByte) {
  const Outcome outcome =
      talk({client("a COMPRESS DEFLATE\r\n"),
            server("a OK [CAPABILITY X STARTTLS] on\r\n* CAPABILITY STARTTLS\r\n")});
  EXPECT_TRUE(outcome.to_client.ends_with("a OK [CAPABILITY X] on\r\n* CAPABILITY STARTTLS\r\n"));
  EXPECT_EQ(outcome.events, "opaque");
  EXPECT_FALSE(outcome.boundary);
}

TEST(ClientReader, ContinuesWhenCompressIsRefused) {
  const Outcome outcome =
      talk({client("a COMPRESS DEFLATE\r\nc NOOP\r\n"),
            server("a NO [COMPRESSIONACTIVE] no\r\nc OK\r\n* CAPABILITY STARTTLS X\r\n")});
  EXPECT_EQ(outcome.events, "");
  EXPECT_TRUE(outcome.to_client.ends_with("* CAPABILITY X\r\n"));
}

// It has not waited for the answer to COMPRESS. Found with Cyrus, which reads the rest as DEFLATE.
TEST(ClientReader, HoldsNothingForAnAnswerThatNobodyCanRead) {
  const Outcome outcome =
      talk({client("a COMPRESS DEFLATE\r\nb UNAUTHENTICATE\r\nc NOOP\r\n"), server("a OK on\r\n")});
  EXPECT_EQ(outcome.events, "opaque");
  EXPECT_TRUE(outcome.to_server.ends_with("b UNAUTHENTICATE\r\nc NOOP\r\n"));
  EXPECT_EQ(outcome.kept, "");
}

TEST(ClientReader, TurnsOpaqueWithASecurityLayer) {
  const std::string buffer("\0\0\0\x24", 4);
  const std::string secret = buffer + std::string(36, 'x');
  for (const bool server_first : {false, true}) {
    FilterBench bench;
    bench.server("* OK hi\r\n");
    bench.client("a AUTHENTICATE GSSAPI AAAA\r\n");
    bench.server("a OK in\r\n");
    if (server_first) {
      bench.server(secret);
      EXPECT_TRUE(bench.to_client.text.ends_with(secret));
    }
    bench.client(secret);
    EXPECT_TRUE(bench.to_server.text.ends_with(secret));
    if (!server_first) {
      EXPECT_FALSE(bench.filter.opaque()) << "the client alone may claim anything";
      bench.server(secret);
      EXPECT_TRUE(bench.to_client.text.ends_with(secret));
    }
    EXPECT_TRUE(bench.filter.opaque());
    bench.client(std::string(700, '\0'));
    bench.server(std::string(700, '\0'));
    EXPECT_TRUE(bench.to_client.text.ends_with(std::string(700, '\0')));
    EXPECT_FALSE(bench.filter.violation());
  }
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a AUTHENTICATE GSSAPI AAAA\r\n");
  bench.server("a OK in\r\n");
  bench.client("b NOOP\r\n" + secret);
  EXPECT_FALSE(bench.filter.opaque()) << "there is no layer";
}

TEST(ClientReader, FollowsAClientThatOnlyClaimsALayer) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a AUTHENTICATE GSSAPI AAAA\r\n");
  bench.server("a OK in\r\n");
  bench.client(std::string("\0 NOOP\r\nu UNAUTHENTICATE\r\ng LOGIN u wrong\r\n", 44));
  bench.server("* BAD what\r\nu OK out\r\n");
  EXPECT_FALSE(bench.filter.opaque());
  EXPECT_TRUE(bench.filter.violation()) << "a login may have passed unseen";
}

TEST(ClientReader, BelievesNoDoubtfulAnswerToCompressThatIsNotOffered) {
  for (const bool offered : {false, true}) {
    LoggedIn bench;
    bench.client("q CAPABILITY\r\n");
    bench.server(std::string("* CAPABILITY IMAP4rev1 LITERAL+") +
                 (offered ? " COMPRESS=DEFLATE" : "") + "\r\nq OK\r\n");
    bench.client("x NOOP {22+}\r\nc COMPRESS DEFLATE\r\n\r\nc NOOP\r\n");
    bench.server("x OK\r\nc OK\r\n");
    EXPECT_EQ(bench.filter.opaque(), offered);
  }
}

TEST(ClientReader, AwaitsNoAnswerToWhatMayBeNoCommand) {
  for (const std::string& line :
       {std::string("x\0y UNAUTHENTICATE\r\n", 21), std::string("* UNAUTHENTICATE\r\n"),
        std::string("\r\na UNAUTHENTICATE\r\n"), std::string(" a UNAUTHENTICATE\r\n")}) {
    EXPECT_EQ(talk({client(line + "c NOOP\r\n")}).kept, "") << line;
  }
  const Outcome outcome = talk({client("b UNAUTHENTICATE\r\nc NOOP\r\n"), server("* BAD x\r\n")});
  EXPECT_EQ(outcome.kept, "") << "it is answered without a tag";
}

// Cyrus answers the second DONE in this way.
TEST(ClientReader, IsSureAgainOnceABadLineIsAnswered) {
  LoggedIn bench;
  bench.client("i IDLE\r\n");
  bench.server("+ idling\r\n");
  bench.client("DONE\r\nDONE\r\n");
  bench.server("i OK\r\n* BAD Invalid tag\r\n");
  EXPECT_TRUE(bench.rests());
}

// If the client hangs up then, an answer without a tag is still to come.
TEST(ClientReader, OwesAnAnswerToABadLine) {
  LoggedIn bench;
  bench.client("* \r\n");
  EXPECT_FALSE(bench.filter.nothing_owed());
  bench.server("* BAD Invalid tag\r\n");
  EXPECT_TRUE(bench.filter.nothing_owed());
}

TEST(ClientReader, IsStrictAgainAfterUnauthenticate) {
  const Outcome outcome = talk(
      {client("b UNAUTHENTICATE\r\n+1 LOGIN v q\r\nc\tLOGIN v q\r\n"), server("b OK out\r\n")});
  EXPECT_EQ(outcome.to_server, "b UNAUTHENTICATE\r\n");
  EXPECT_EQ(outcome.events, "unauthenticated, refused malformed, refused malformed");
  EXPECT_EQ(talk({client("b UNAUTHENTICATE\r\nc NOOP\r\n"), server("b BAD no\r\n")}).to_server,
            "b UNAUTHENTICATE\r\nc NOOP\r\n");
}

}  // namespace
}  // namespace postern::imap
