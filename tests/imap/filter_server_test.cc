// Filter, server to client: it edits capability data and nothing else.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

using test::client;
using test::server;

std::string shown(std::string_view text) {
  return run_everywhere({server(text)}).to_client;
}

TEST(Filter, EditsTheGreetingsOfRealServers) {
  EXPECT_EQ(
      shown("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS "
            "LOGINDISABLED] Dovecot (Debian) ready.\r\n"),
      "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+] "
      "Dovecot (Debian) ready.\r\n");
  EXPECT_EQ(
      shown("* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE LOGINDISABLED] mail Cyrus IMAP 3.6.1 "
            "server ready\r\n"),
      "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE] mail Cyrus IMAP 3.6.1 server ready\r\n");
  EXPECT_EQ(
      shown("* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=REFERENCES SORT QUOTA "
            "IDLE ACL ACL2=UNION STARTTLS ENABLE UTF8=ACCEPT] Courier-IMAP ready.\r\n"),
      "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=REFERENCES SORT QUOTA "
      "IDLE ACL ACL2=UNION ENABLE UTF8=ACCEPT] Courier-IMAP ready.\r\n");
  EXPECT_EQ(
      shown("* OK [CAPABILITY IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR LOGIN-REFERRALS STARTTLS "
            "LOGINDISABLED] localhost IMAP4rev1 2007f.404 at Mon, 1 Jan 2024\r\n"),
      "* OK [CAPABILITY IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR LOGIN-REFERRALS] localhost "
      "IMAP4rev1 2007f.404 at Mon, 1 Jan 2024\r\n");
}

// Dovecot says so a moment after its greeting. The answer is to the gateway's own words.
TEST(Filter, FindsAServerThatReadsAProxyHeaderAsACommand) {
  for (const char* answer : {"PROXY BAD what\r\n", "PROXY NO what\r\n"}) {
    const Outcome outcome = run_everywhere(
        {server("* OK hi\r\n"), client("a NOOP\r\n"), server(answer), server("a OK done\r\n")});
    EXPECT_EQ(outcome.to_client, "* OK hi\r\n");
    EXPECT_EQ(outcome.violation, "proxy_header_unexpected");
  }
  const std::string to_the_client = "* OK hi\r\nPROXY BAD what\r\n";
  const Outcome outcome = run_everywhere(
      {server("* OK hi\r\n"), client("PROXY NOOP\r\n"), server("PROXY BAD what\r\n")});
  EXPECT_EQ(outcome.to_client, to_the_client);
  EXPECT_EQ(outcome.violation, "");
}

TEST(Filter, TreatsABracketAtTheEndOfAGreetingAsText) {
  const std::string exchange =
      "* OK The Microsoft Exchange IMAP4 service is ready. [CAPABILITY STARTTLS U1RBUlRUTFM=]\r\n";
  EXPECT_EQ(shown(exchange), exchange);
}

TEST(Filter, EditsCapabilitiesInAllFourPlacesForTheWholeSession) {
  const Outcome outcome = run_everywhere({
      server("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"),
      client("a CAPABILITY\r\n"),
      server("* CAPABILITY IMAP4 IMAP4rev1 AUTH=NTLM LOGINDISABLED STARTTLS IDLE\r\na OK done\r\n"),
      client("b LOGIN u p\r\n"),  // SmarterMail lists them before the tagged OK
      server("* CAPABILITY IMAP4rev1 STARTTLS IDLE\r\nb OK [CAPABILITY IMAP4rev1 LOGINDISABLED] "
             "in\r\n"),
      client("c NOOP\r\n"),  // Cyrus shows LOGINDISABLED after login too
      server("* OK [CAPABILITY LOGINDISABLED IMAP4rev1] news\r\nc OK done\r\n"),
  });
  EXPECT_EQ(outcome.to_client,
            "* OK [CAPABILITY IMAP4rev1] hi\r\n"
            "* CAPABILITY IMAP4 IMAP4rev1 AUTH=NTLM IDLE\r\na OK done\r\n"
            "* CAPABILITY IMAP4rev1 IDLE\r\nb OK [CAPABILITY IMAP4rev1] in\r\n"
            "* OK [CAPABILITY IMAP4rev1] news\r\nc OK done\r\n");
}

TEST(Filter, EditsNothingElse) {
  const std::string text =
      "* OK hi {5}\r\n"
      "* LIST () \"/\" STARTTLS\r\n"
      "* LIST () \"/\" \"* CAPABILITY STARTTLS\"\r\n"
      "* LIST () \"/\" {24}\r\n* CAPABILITY STARTTLS a\r\n\r\n"
      "* 1 FETCH (BODY[] {43}\r\n* CAPABILITY STARTTLS\r\na OK [CAPABILITY X]\r\n UID 5)\r\n"
      "* OK [ALERT] STARTTLS LOGINDISABLED\r\n"
      "* NO [CAPABILITY STARTTLS] no place for a code of this kind\r\n"
      "* ENABLED STARTTLS\r\n"
      "*OK [CAPABILITY STARTTLS]\r\n"
      "+ CAPABILITY STARTTLS {3}\r\n"
      "a OK CAPABILITY STARTTLS {7}\r\n"
      "a BAD {9}\r\n"
      "* BYE {1}\r\n";
  EXPECT_EQ(shown(text), text);
}

TEST(Filter, SeesCapabilitiesAfterTextThatLooksLikeALiteral) {
  EXPECT_EQ(shown("* OK ready {99}\r\n* CAPABILITY STARTTLS X\r\n* NO {99}\r\n+ {99}\r\n"
                  "t BAD {99}\r\n* CAPABILITY Y STARTTLS\r\n"),
            "* OK ready {99}\r\n* CAPABILITY X\r\n* NO {99}\r\n+ {99}\r\n"
            "t BAD {99}\r\n* CAPABILITY Y\r\n");
}

TEST(Filter, TreatsABareLineFeedAsALineEnd) {
  EXPECT_EQ(
      shown("* OK hi\n* CAPABILITY A STARTTLS\n* 1 FETCH {2}\nab)\n* CAPABILITY STARTTLS B\n"),
      "* OK hi\n* CAPABILITY A\n* 1 FETCH {2}\nab)\n* CAPABILITY B\n");
}

TEST(Filter, SwallowsTheGreetingWhenTheGatewayHasGreeted) {
  Filter::Options options;
  options.swallow_greeting = true;
  const Outcome outcome = run_everywhere(
      {server("* OK [CAPABILITY STARTTLS] hi\r\n* CAPABILITY A STARTTLS\r\n")}, options);
  EXPECT_EQ(outcome.to_client, "* CAPABILITY A\r\n");
}

TEST(Filter, EndsAtAnInvalidGreeting) {
  for (const char* greeting : {"SSH-2.0-OpenSSH_9.2\r\n", "+OK POP3 ready\r\n", "* NO\r\n",
                               "* 1 EXISTS\r\n", "a OK hi\r\n", "\r\n", "* BAD x\r\n", "*\r\n"}) {
    const Outcome outcome = run_everywhere({server(greeting)});
    EXPECT_EQ(outcome.violation, "not_imap") << greeting;
    EXPECT_EQ(outcome.to_client, "") << greeting;
  }
}

TEST(Filter, BoundsTheBytesItHoldsBack) {
  Filter::Options options;
  options.limits.capability_line = 40;
  const std::string good = "* CAPABILITY " + std::string(25, 'x') + "\r\n";
  EXPECT_EQ(run_everywhere({server("* OK hi\r\n" + good)}, options).to_client,
            "* OK hi\r\n" + good);
  const Outcome outcome =
      run_everywhere({server("* OK hi\r\n* CAPABILITY " + std::string(26, 'x') + "\r\n")}, options);
  EXPECT_EQ(outcome.violation, "backend_line_too_long");
  EXPECT_EQ(outcome.to_client, "* OK hi\r\n");
}

TEST(Filter, EndsAtAServersLiteralBeyond63Bits) {
  const Outcome outcome =
      run_everywhere({server("* OK hi\r\n* 1 FETCH (BODY[] {9223372036854775808}\r\nx")});
  EXPECT_EQ(outcome.violation, "bad_literal");
}

TEST(Filter, KnowsWhenItCouldInsertALine) {
  FilterBench bench;
  EXPECT_TRUE(bench.filter.at_boundary());  // BYE may replace the greeting
  const std::string text =
      "* OK hi\r\n* 1 FETCH (BODY[] {4}\r\n* 1 )\r\n* CAPABILITY A\r\na OK x\r\n";
  std::string boundaries;
  for (const char c : text) {
    bench.server(std::string_view(&c, 1));
    boundaries.push_back(bench.filter.at_boundary() ? c : '.');
  }
  std::string expected(text.size(), '.');
  for (const size_t end : {8U, 38U, 54U, 62U}) {
    ASSERT_EQ(text[end], '\n') << end;
    expected[end] = '\n';
  }
  EXPECT_EQ(boundaries, expected);
}

TEST(Filter, PassesUneditedBytesInOnePiece) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a LOGIN u p\r\n");
  bench.to_client = {};
  bench.to_server = {};
  const std::string first =
      "* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n* CAPABILITY IMAP4rev1\r\na OK in\r\n"
      "* 1 FETCH (BODY[] {3}\r\nabc UID 7)\r\n+ go\r\n* 2 FETCH (BODY[] {100000}\r\n";
  bench.server(first);
  EXPECT_EQ(bench.to_client.puts, 1);
  const std::string bulk(65536, '\n');
  bench.server(bulk);
  EXPECT_EQ(bench.to_client.puts, 2);
  EXPECT_EQ(bench.to_client.text, first + bulk);
  bench.client("a NOOP\r\nb FETCH 1 X\r\nc APPEND x {5+}\r\nabcde\r\nd IDLE\r\nDONE\r\ne NOOP\r\n");
  EXPECT_EQ(bench.to_server.puts, 1);
}

}  // namespace
}  // namespace postern::imap
