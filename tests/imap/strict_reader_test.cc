// Filter, client to server before login: which commands pass, in which form, and which are refused.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/strict_talk.h"

namespace postern::imap {
namespace {

TEST(StrictReader, PassesWholeLinesAsTheyAre) {
  const std::string text =
      "a NOOP\r\nb CAPABILITY\r\nc  NOOP\r\na/1 noop\r\nd X (\"a b\" \"c\\\"d\\\\\" [x] %*\r\n"
      "e LOGOUT\r\nf X \"{5}\"\r\n";
  const Outcome outcome = talk({client(text)});
  EXPECT_EQ(outcome.to_server, text);
  EXPECT_EQ(outcome.to_client, "");
  EXPECT_EQ(outcome.events, "");
}

TEST(StrictReader, EndsEveryLineWithCrlf) {
  EXPECT_EQ(talk({client("a NOOP\nb LOGIN u p\n")}).to_server, "a NOOP\r\nb LOGIN u p\r\n");
}

TEST(StrictReader, SendsNothingOfAnIncompleteLine) {
  EXPECT_EQ(talk({client("a NOOP\r\nb CAPABILITY")}).to_server, "a NOOP\r\n");
  EXPECT_EQ(talk({client("a LOGIN user secret")}).to_server, "");
}

TEST(StrictReader, TakesNothingBeforeTheGreeting) {
  const Outcome outcome = run_everywhere({client("a NOOP\r\n")});
  EXPECT_EQ(outcome.to_server, "");
  EXPECT_EQ(outcome.kept, "a NOOP\r\n");
}

// Real servers read each of these as a login: Cyrus despite an invalid tag, Dovecot an AUTHENTICATE
// with any tag, Courier with any blank between the words.
TEST(StrictReader, RecognisesWhateverAServerReadsAsALogin) {
  const std::string long_tag(65, 't');
  for (const std::string& line : {
           std::string("+1 LOGIN u p\r\n"),
           std::string("+ AUTHENTICATE PLAIN AHUAcA==\r\n"),
           std::string("* LOGIN u p\r\n"),
           std::string(" AUTHENTICATE PLAIN AHUAcA==\r\n"),
           std::string("a( LOGIN u p\r\n"),
           std::string("a\tLOGIN u p\r\n"),
           std::string("a\rLOGIN u p\r\n"),
           std::string("\ra LOGIN u p\r\n"),
           std::string("a \tLOGIN u p\r\n"),
           std::string("a LOGIN\tu p\r\n"),
           std::string("a\0 LOGIN u p\r\n", 14),
           std::string("a AUTHENTICATE\tPLAIN AHUAcA==\r\n"),
           std::string("a\tID (\"x-originating-ip\" \"192.0.2.1\")\r\n"),
           std::string("a NOOP \0x\r\n", 11),
           std::string("a NOOP \x7f\r\n"),
           std::string("a NOOP \"x\r\n"),
           std::string("a NOOP \"x\\\"\r\n"),
           std::string("a NOOP x\"\r\n"),
           std::string("a NOOP {5} x\r\n"),
           std::string("a NOOP ~{5} x\r\n"),
           std::string("a NOOP x{5+}x\r\n"),
           std::string("b\r\n"),
           std::string("\r\n"),
           long_tag + " LOGIN u p\r\n",
           std::string("a]b LOGIN u p\r\n"),
           std::string("a}b NOOP\r\n"),
           std::string("~ LOGIN u p\r\n"),
       }) {
    const Outcome outcome = talk({client(line + "n NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "n NOOP\r\n") << line;
    EXPECT_TRUE(outcome.to_client.ends_with(" BAD Malformed command\r\n")) << outcome.to_client;
    EXPECT_EQ(outcome.events, "refused malformed");
  }
}

TEST(StrictReader, EchoesOnlyHarmlessTags) {
  EXPECT_EQ(talk({client("a\"b STARTTLS\r\n")}).to_client, refusal(CommandRefusal::Starttls, "*"));
  EXPECT_EQ(talk({client("+ STARTTLS\r\n")}).to_client, refusal(CommandRefusal::Starttls, "*"));
  const std::string tag(64, 't');
  EXPECT_EQ(talk({client(tag + " STARTTLS\r\n")}).to_client,
            refusal(CommandRefusal::Starttls, tag.c_str()));
  EXPECT_EQ(talk({client(tag + "t STARTTLS\r\n")}).to_client,
            refusal(CommandRefusal::Starttls, "*"));
}

// ---- literals

// Dovecot gives up such a line at ")" and runs the octets as commands.
TEST(StrictReader, KeepsLiteralsFromTheServer) {
  for (const char* line : {"a NOOP ) {21+}\r\ns LOGIN user secret\r\n\r\n",
                           "a CAPABILITY {21+}\r\ns LOGIN user secret\r\n\r\n",
                           "a AUTHENTICATE PLAIN {21+}\r\ns LOGIN user secret\r\n\r\n",
                           "a ENABLE (x {21+}\r\ns LOGIN user secret\r\n)\r\n",
                           "a NOOP ~{21+}\r\ns LOGIN user secret\r\n\r\n",
                           "a LOGIN u{21+}\r\ns LOGIN user secret\r\n\r\n",
                           "a LOGIN \"u {21+}\r\ns LOGIN user secret\r\n\r\n",
                           "a/1 LOGIN( {21+}\r\ns LOGIN user secret\r\n\r\n"}) {
    const Outcome outcome = talk({client(std::string(line) + "n NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "n NOOP\r\n") << line;
    EXPECT_EQ(outcome.events, "refused literal") << line;
  }
  EXPECT_EQ(talk({client("a NOOP {5+}\r\nabcde\r\n")}).to_client, refusal(CommandRefusal::Literal));
}

TEST(StrictReader, RefusesASynchronisingLiteralBeforeItIsSent) {
  const Outcome outcome = talk({client("a APPEND x {20}\r\nb NOOP\r\n")});
  EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::Literal));
  EXPECT_EQ(outcome.to_server, "b NOOP\r\n");
}

TEST(StrictReader, AsksForALoginsLiteralsItself) {
  for (const char* login :
       {"a LOGIN {4}\r\nuser {6}\r\nsecret\r\n", "a LOGIN {4+}\r\nuser {6+}\r\nsecret\r\n",
        "a LOGIN user {6}\r\nsecret\r\n"}) {
    const bool asks = std::string_view(login).find("}\r\nu") != std::string_view::npos;
    const Outcome outcome = talk({client(login)});
    EXPECT_EQ(outcome.to_server,
              asks ? "a LOGIN \"user\" \"secret\"\r\n" : "a LOGIN user \"secret\"\r\n");
    EXPECT_EQ(outcome.events, "attempt login");
  }
  EXPECT_EQ(talk({client("a LOGIN {4}\r\nuser {6}\r\nsecret\r\n")}).to_client, "+ OK\r\n+ OK\r\n");
  EXPECT_EQ(talk({client("a LOGIN {4+}\r\nuser {6+}\r\nsecret\r\n")}).to_client, "");
  EXPECT_EQ(talk({client("a LOGIN {0+}\r\n {3}\r\na\"\\\r\n")}).to_server,
            "a LOGIN \"\" \"a\\\"\\\\\"\r\n");
}

TEST(StrictReader, SendsOtherOctetsOnceTheServerAsks) {
  const test::Said login = client("a LOGIN {3+}\r\n\xc3\xa4x {4}\r\na\r\nb\r\nc NOOP\r\n");
  EXPECT_EQ(talk({login}).to_server, "a LOGIN {3}\r\n");
  EXPECT_EQ(talk({login, server("+ go\r\n")}).to_server, "a LOGIN {3}\r\n\xc3\xa4x {4}\r\n");
  EXPECT_EQ(talk({login, server("+ go\r\n"), server("+ go\r\n")}).to_server,
            "a LOGIN {3}\r\n\xc3\xa4x {4}\r\na\r\nb\r\n");
  const Outcome whole =
      talk({login, server("+ go\r\n"), server("+ go\r\n"), server("a OK in\r\n")});
  EXPECT_EQ(whole.to_server, "a LOGIN {3}\r\n\xc3\xa4x {4}\r\na\r\nb\r\nc NOOP\r\n");
  EXPECT_EQ(whole.events, "attempt login, success login");
  const Outcome refused = talk({login, server("a NO too long\r\n")});
  EXPECT_EQ(refused.to_server, "a LOGIN {3}\r\nc NOOP\r\n");
  EXPECT_EQ(refused.events, "attempt login, unsupported login") << "no secret was sent";
}

// The client has not asked for it.
TEST(StrictReader, KeepsThePlusOfItsOwnLiteralsFromTheClient) {
  const test::Said login = client("a LOGIN u {4+}\r\np\xc3\xa4\r\r\n");
  const Outcome outcome = talk({login, server("+ go\r\n"), server("a OK in\r\n")});
  EXPECT_EQ(outcome.to_client, "a OK in\r\n");
  EXPECT_EQ(outcome.to_server, "a LOGIN u {4}\r\np\xc3\xa4\r\r\n");
  EXPECT_EQ(talk({client("a LOGIN u {2}\r\n\xc3\xa4\r\n"), server("+\r\n")}).to_client, "+ OK\r\n");
}

TEST(StrictReader, LeavesAClientsQuotedStringsAsTheyAre) {
  for (const char* login :
       {"a LOGIN \"\xc3\xa4\" \"\xc3\xb6 x\"\r\n", "a LOGIN \xc3\xa4 \xff\r\n"}) {
    EXPECT_EQ(talk({client(login)}).to_server, login);
  }
  EXPECT_EQ(talk({client("a LOGIN u \"p\tq\"\r\n")}).to_server, "a LOGIN u {3}\r\n");
}

TEST(StrictReader, BoundsACommandWithItsLiterals) {
  Filter::Options options;
  options.limits.command_before_login = 40;
  const std::string exact = "a NOOP " + std::string(31, 'x') + "\r\n";
  EXPECT_EQ(talk({client(exact + exact)}, options).violation, "");
  const Outcome outcome = talk({client("a NOOP " + std::string(32, 'x') + "\r\n")}, options);
  EXPECT_EQ(outcome.violation, "line_too_long");
  EXPECT_EQ(outcome.to_server, "");
  EXPECT_EQ(talk({client("a LOGIN {24+}\r\n" + std::string(24, 'x'))}, options).violation, "");
  EXPECT_EQ(talk({client("a LOGIN {26+}\r\n")}, options).violation, "literal_too_long");
  EXPECT_EQ(talk({client("a LOGIN {4294967295}\r\n")}, options).violation, "literal_too_long");
  EXPECT_EQ(talk({client("a NOOP {4294967295}\r\n")}, options).to_client,
            refusal(CommandRefusal::Literal));
  EXPECT_EQ(talk({client("a NOOP {4294967295+}\r\n")}, options).violation, "literal_too_long");
  EXPECT_EQ(talk({client("a LOGIN {99999999999999999999+}\r\n")}, options).violation,
            "bad_literal");
  EXPECT_EQ(
      talk({client("a AUTHENTICATE PLAIN\r\n"), server("+\r\n"), client(std::string(41, 'x'))},
           options)
          .violation,
      "line_too_long");
}

// A Kerberos ticket of 65,535 bytes.
TEST(StrictReader, AcceptsALongTicket) {
  const std::string ticket(87'384, 'A');
  EXPECT_EQ(FilterBench().outcome().to_server, "");
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a AUTHENTICATE GSSAPI\r\n");
  bench.server("+ \r\n");
  bench.client(ticket + "\r\n");
  EXPECT_TRUE(bench.to_server.text.ends_with("I\r\n" + ticket + "\r\n"));
}

// ---- logins

TEST(StrictReader, ReadsLoginByTheGrammar) {
  for (const char* login :
       {"a LOGIN user secret\r\n", "a login \"us er\" \"sec\\\"ret\"\r\n", "a LOGIN u p%*]x\r\n",
        "a  LOGIN u p\r\n", "a/1 LOGIN u p\r\n", "a LOGIN u p \r\n", "a LOGIN \xc3\xa4 p\r\n"}) {
    const Outcome outcome = talk({client(login)});
    EXPECT_EQ(outcome.events, "attempt login") << login;
    EXPECT_EQ(outcome.to_server.size(), std::string_view(login).size()) << login;
  }
  for (const char* login :
       {"a LOGIN\r\n", "a LOGIN u\r\n", "a LOGIN u p x\r\n", "a LOGIN  u p\r\n", "a LOGIN u  p\r\n",
        "a LOGIN (u) p\r\n", "a LOGIN u \"p\r\n", "a LOGIN u p\"\r\n", "a LOGIN u p\\q\r\n",
        "a LOGIN \"u\"\"p\"\r\n", "a LOGIN u {1}x\r\n"}) {
    const Outcome outcome = talk({client(std::string(login) + "n NOOP\r\n")});
    EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::Login)) << login;
    EXPECT_EQ(outcome.to_server, "n NOOP\r\n") << login;
  }
}

// Dovecot's string ends there: it would log in another user than the one that was read here.
TEST(StrictReader, RefusesALiteralWithANul) {
  const std::string user("a LOGIN {6+}\r\nanna\0x p\r\nn NOOP\r\n", 32);
  const std::string password("a LOGIN anna {3+}\r\np\0x\r\nn NOOP\r\n", 32);
  for (const std::string& login : {user, password}) {
    const Outcome outcome = talk({client(login)});
    EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::Login));
    EXPECT_EQ(outcome.to_server, "n NOOP\r\n");
  }
}

TEST(StrictReader, TakesNothingAfterALoginUntilItIsAnswered) {
  const test::Said guesses = client("a LOGIN u p\r\nb LOGIN u q\r\nc NOOP\r\n");
  EXPECT_EQ(talk({guesses}).to_server, "a LOGIN u p\r\n");
  EXPECT_EQ(talk({guesses, server("* 1 EXISTS\r\n+ go on\r\n")}).to_server, "a LOGIN u p\r\n");
  EXPECT_EQ(talk({guesses, server("a NO wrong\r\n")}).to_server, "a LOGIN u p\r\nb LOGIN u q\r\n");
  const Outcome outcome = talk({guesses, server("a NO wrong\r\n"), server("b OK in\r\n")});
  EXPECT_EQ(outcome.to_server, "a LOGIN u p\r\nb LOGIN u q\r\nc NOOP\r\n");
  EXPECT_EQ(outcome.events, "attempt login, failure login, attempt login, success login");
}

TEST(StrictReader, ContinuesAfterAnAnswerWithoutATag) {
  const Outcome outcome = talk({client("a LOGIN u p\r\nb LOGIN u q\r\nc NOOP\r\n"),
                                server("* BAD tag\r\n"), server("b OK in\r\n")});
  EXPECT_EQ(outcome.to_server, "a LOGIN u p\r\nb LOGIN u q\r\nc NOOP\r\n");
  EXPECT_EQ(outcome.events, "attempt login, unsupported login, attempt login, success login");
  EXPECT_EQ(
      talk({client("a LOGIN u p\r\nb NOOP\r\n"), server("* BAD tag\r\n"), server("a OK in\r\n")})
          .events,
      "attempt login, success login");
  EXPECT_EQ(talk({client("a LOGIN u p\r\nb NOOP\r\n"), server("* BAD tag\r\n"), server("b OK\r\n")})
                .events,
            "attempt login, unsupported login");
}

TEST(StrictReader, TreatsAnUntaggedBadAsTheOldestCommandsAnswer) {
  const test::Said commands = client("a/ NOOP\r\nb LOGIN u p\r\nc LOGIN u q\r\n");
  EXPECT_EQ(talk({commands, server("* BAD tag\r\n")}).to_server, "a/ NOOP\r\nb LOGIN u p\r\n");
  EXPECT_EQ(talk({commands, server("* BAD tag\r\n* BAD tag\r\n")}).to_server,
            "a/ NOOP\r\nb LOGIN u p\r\nc LOGIN u q\r\n");
}

TEST(StrictReader, GivesEveryLoginAnAnswerOfItsOwn) {
  const Outcome outcome = talk({client("b CAPABILITY\r\nb LOGIN u p\r\nc LOGIN u p\r\n"),
                                server("b OK done\r\nc NO wrong\r\n"), client("b LOGIN u p\r\n")});
  EXPECT_EQ(outcome.to_server, "b CAPABILITY\r\nc LOGIN u p\r\nb LOGIN u p\r\n");
  EXPECT_EQ(outcome.to_client, "b BAD Tag is in use\r\nb OK done\r\nc NO wrong\r\n");
  EXPECT_EQ(outcome.events, "refused tag_in_use, attempt login, failure login, attempt login");
}

TEST(StrictReader, KeepsALoginUntilItMayGo) {
  for (const char* login : {"a LOGIN u p\r\n", "a AUTHENTICATE PLAIN AHUAcA==\r\n"}) {
    FilterBench bench;
    bench.log.leave = LoginLeave::Wait;
    bench.server(kHi);
    bench.client(std::string(login) + "b NOOP\r\n");
    EXPECT_EQ(bench.to_server.text, "");
    EXPECT_GT(bench.filter.held(), 0U);
    bench.server("* 1 EXISTS\r\n");
    EXPECT_EQ(bench.to_server.text, "");
    bench.filter.let_login_go();
    EXPECT_EQ(bench.to_server.text, login);
    EXPECT_EQ(bench.filter.held(), 0U);
    bench.server("a NO wrong\r\n");
    bench.client("");
    EXPECT_EQ(bench.to_server.text, std::string(login) + "b NOOP\r\n");
  }
}

TEST(StrictReader, SendsNoLoginThatMayNotGo) {
  FilterBench bench;
  bench.log.leave = LoginLeave::Never;
  bench.server(kHi);
  bench.client("a LOGIN u p\r\n");
  EXPECT_EQ(bench.to_server.text, "");
  bench.filter.end(true);
  EXPECT_EQ(bench.log.events, "attempt login");
}

// ---- AUTHENTICATE

TEST(StrictReader, ReadsAuthenticateByTheGrammar) {
  for (const char* good : {"a AUTHENTICATE PLAIN\r\n", "a authenticate plain AHUAcA==\r\n",
                           "a AUTHENTICATE X-Y =\r\n", "a  AUTHENTICATE PLAIN AAA\r\n"}) {
    EXPECT_EQ(talk({client(good)}).to_server, good);
  }
  for (const char* bad :
       {"a AUTHENTICATE\r\n", "a AUTHENTICATE PLAIN AHUAcA== x\r\n",
        "a AUTHENTICATE PLAIN  AAAA\r\n", "a AUTHENTICATE PLAIN *\r\n", "a AUTHENTICATE PLAIN \r\n",
        "a AUTHENTICATE  PLAIN\r\n", "a AUTHENTICATE ~\r\n", "a AUTHENTICATE PLAIN AA=A\r\n",
        "a AUTHENTICATE (x)\r\n", "a AUTHENTICATE \"PLAIN\"\r\n", "a AUTHENTICATE PLAIN A!\r\n",
        "a AUTHENTICATE PLAIN AHU\tAcA==\r\n", "a AUTHENTICATE PLAIN ==\r\n"}) {
    const Outcome outcome = talk({client(std::string(bad) + "n NOOP\r\n")});
    EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::Authenticate)) << bad;
    EXPECT_EQ(outcome.to_server, "n NOOP\r\n") << bad;
  }
}

TEST(StrictReader, TakesOneSaslLinePerPlus) {
  const test::Transcript start = {client("a AUTHENTICATE LOGIN\r\nAAAA\r\nBBBB\r\nc NOOP\r\n")};
  EXPECT_EQ(talk(start).to_server, "a AUTHENTICATE LOGIN\r\n");
  test::Transcript next = start;
  next.push_back(server("+\r\n"));
  EXPECT_EQ(talk(next).to_server, "a AUTHENTICATE LOGIN\r\nAAAA\r\n");
  next.push_back(server("+ more\r\n"));
  EXPECT_EQ(talk(next).to_server, "a AUTHENTICATE LOGIN\r\nAAAA\r\nBBBB\r\n");
  next.push_back(server("a NO [AUTHENTICATIONFAILED] no\r\n"));
  const Outcome outcome = talk(next);
  EXPECT_EQ(outcome.to_server, "a AUTHENTICATE LOGIN\r\nAAAA\r\nBBBB\r\nc NOOP\r\n");
  EXPECT_EQ(outcome.events, "attempt login, failure login");
}

TEST(StrictReader, AnswersEachPlusOfAHastyServer) {
  EXPECT_EQ(talk({client("a AUTHENTICATE LOGIN\r\nAAAA\r\nBBBB\r\nc NOOP\r\n"),
                  server("+ one\r\n+ two\r\n")})
                .to_server,
            "a AUTHENTICATE LOGIN\r\nAAAA\r\nBBBB\r\n");
}

TEST(StrictReader, CancelsForAClientWithAnInvalidResponse) {
  for (const char* line :
       {"b LOGIN u p\r\n", "x {99+}\r\n", "x {99}\r\n", "AA\tAA\r\n", "\"AAAA\"\r\n", "A*\r\n"}) {
    const Outcome outcome = talk({client("a AUTHENTICATE PLAIN\r\n"), server("+\r\n"), client(line),
                                  server("a BAD aborted\r\n"), client("b NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n") << line;
    EXPECT_EQ(outcome.events, "cancelled plain");
  }
  EXPECT_EQ(talk({client("a AUTHENTICATE PLAIN\r\n"), server("+\r\n"), client("\n")}).to_server,
            "a AUTHENTICATE PLAIN\r\n\r\n");
}

// ---- commands that need a login, or make no sense inside TLS

TEST(StrictReader, RefusesStarttls) {
  for (const char* line :
       {"a STARTTLS\r\n", "a starttls\r\n", "a StartTls \r\n", "a STARTTLS now\r\n", "a STARTTLS\n",
        "a  STARTTLS\r\n", " a STARTTLS\r\n", "a STARTTLS {5}\r\n",
        "a STARTTLS {5+}\r\na\r\nbc x\r\n", "a STARTTLS ({2+}\r\nab {0+}\r\n)\r\n",
        "a STARTTLS\"x\"\r\n"}) {
    const Outcome outcome = talk({client(std::string(line) + "b NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "b NOOP\r\n") << line;
    EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::Starttls)) << line;
    EXPECT_EQ(outcome.events, "refused starttls");
  }
}

TEST(StrictReader, RefusesWhatNeedsALogin) {
  const Outcome outcome = talk({client("a COMPRESS DEFLATE\r\nb IDLE\r\nDONE\r\nc NOOP\r\n")});
  EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::NotYet) +
                                   refusal(CommandRefusal::NotYet, "b") +
                                   refusal(CommandRefusal::Malformed, "DONE"));
  EXPECT_EQ(outcome.to_server, "c NOOP\r\n");
}

TEST(StrictReader, InsertsARefusalOnlyBetweenResponses) {
  const Outcome outcome = talk({server("* CAPABILITY A"), client("a STARTTLS\r\n"),
                                client("b STARTTLS\r\n"), server(" B\r\n* 2 EXISTS\r\n")});
  EXPECT_EQ(outcome.to_client, "* CAPABILITY A B\r\n" + refusal(CommandRefusal::Starttls) +
                                   refusal(CommandRefusal::Starttls, "b") + "* 2 EXISTS\r\n");
}

TEST(StrictReader, RefusesACommandOnceItHasEnded) {
  const Outcome outcome =
      talk({client("a NOOP {3+}\r\n"), server("* 1 EXISTS\r\n"), client("abc\r\n")});
  EXPECT_EQ(outcome.to_client, "* 1 EXISTS\r\n" + refusal(CommandRefusal::Literal));
}

TEST(StrictReader, BoundsRefusals) {
  Filter::Options options;
  options.limits.refusals = 2;
  EXPECT_EQ(talk({client("a STARTTLS\r\na X {1}\r\n")}, options).violation, "");
  EXPECT_EQ(talk({client("a STARTTLS\r\na X {1}\r\nb\r\n")}, options).violation,
            "too_many_refusals");
}

TEST(StrictReader, BoundsCommandsInFlight) {
  Filter::Options options;
  options.limits.pending_commands = 2;
  EXPECT_EQ(talk({client("a NOOP\r\nb NOOP\r\nc NOOP\r\n")}, options).violation,
            "too_many_pending");
  EXPECT_EQ(
      talk({client("a NOOP\r\nb NOOP\r\n"), server("b OK\r\n"), client("c NOOP\r\nd NOOP\r\n")},
           options)
          .violation,
      "")
      << "a command that was passed over is not in flight";
}

// A server may say BYE and continue for a while.
TEST(StrictReader, StaysStrictAfterABye) {
  const Outcome outcome = talk({client("a LOGOUT\r\nab"), server("* BYE see you\r\na OK\r\n"),
                                client("\tLOGIN u p\r\nc NOOP {5+}\r\n")});
  EXPECT_EQ(outcome.to_server, "a LOGOUT\r\n");
  EXPECT_EQ(outcome.events, "refused malformed");
}

TEST(StrictReader, PassesNothingAfterAViolation) {
  FilterBench bench;
  bench.server("nonsense\r\n");
  ASSERT_TRUE(bench.filter.violation());
  bench.client("a NOOP\r\n");
  bench.server("* OK\r\n");
  EXPECT_EQ(bench.to_server.text + bench.to_client.text, "");
}

}  // namespace
}  // namespace postern::imap
