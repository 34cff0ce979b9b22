// Which commands the conversation reports as ended, with which result, and how long after their
// last octet.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

using test::client;
using test::server;

// The same, wherever the network cuts.
std::string commands(test::Transcript transcript) {
  transcript.insert(transcript.begin(), server("* OK hi\r\n"));
  return run_everywhere(transcript).commands;
}

// What follows a login.
std::string after_login(const test::Transcript& transcript) {
  test::Transcript whole = {client("a LOGIN u p\r\n"), server("a OK in\r\n")};
  whole.insert(whole.end(), transcript.begin(), transcript.end());
  const std::string all = commands(whole);
  const std::string login = "login ok 0, ";
  return all.starts_with(login) ? all.substr(login.size()) : all;
}

TEST(CommandCount, HasAResultForEachAnswer) {
  EXPECT_EQ(commands({client("a LOGIN u p\r\n"), server("a NO wrong\r\n"),
                      client("b LOGIN u p\r\n"), server("b OK in\r\n")}),
            "login no 0, login ok 0");
  EXPECT_EQ(after_login({client("b SELECT x\r\n"), server("* 3 EXISTS\r\nb NO none\r\n"),
                         client("c xyzzy\r\n"), server("c BAD what\r\n"),
                         client("d uid fetch 1 FLAGS\r\n"),
                         server("* 1 FETCH (X {4}\r\nd OK)\r\nd OK done\r\n")}),
            "select no 0, other bad 0, fetch ok 0");
}

TEST(CommandCount, TellsPipelinedCommandsApart) {
  EXPECT_EQ(after_login({client("b NOOP\r\nc LIST \"\" *\r\nd STATUS x (MESSAGES)\r\n"),
                         server("c OK\r\n* OK\r\nb OK\r\nd NO\r\n")}),
            "list ok 0, noop ok 0, status no 0");
}

TEST(CommandCount, TakesTheTimeFromTheLastOctet) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.log.now_ms = 1'000;
  bench.client("a LOG");
  bench.log.now_ms = 1'100;
  bench.client("IN u p\r\n");
  bench.log.now_ms = 1'350;
  bench.server("a OK in\r\n");
  EXPECT_EQ(bench.log.commands, "login ok 250");
  bench.log.commands.clear();
  bench.client("b APPEND x {3}\r\n");
  bench.log.now_ms = 2'000;
  bench.server("+ go on\r\n");
  bench.log.now_ms = 9'000;
  bench.client("abc\r\nc NOOP\r\n");
  bench.log.now_ms = 9'007;
  bench.server("b OK done\r\n");
  bench.log.now_ms = 9'010;
  bench.server("c OK done\r\n");
  EXPECT_EQ(bench.log.commands, "append ok 7, noop ok 10");
}

TEST(CommandCount, TakesTheTimeOfALoginFromItsLastResponse) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.log.now_ms = 1'000;
  bench.client("a AUTHENTICATE PLAIN\r\n");
  bench.log.now_ms = 2'000;
  bench.server("+ \r\n");
  bench.log.now_ms = 3'000;
  bench.client("AHUAcA==\r\n");
  bench.log.now_ms = 3'004;
  bench.server("a OK in\r\n");
  EXPECT_EQ(bench.log.commands, "authenticate ok 4");
}

TEST(CommandCount, TakesTheTimeOfALoginThatWaitedForItsTurnFromThere) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.log.leave = LoginLeave::Wait;
  bench.log.now_ms = 1'000;
  bench.client("a LOGIN u p\r\n");
  bench.log.now_ms = 5'000;
  bench.filter.let_login_go();
  bench.log.now_ms = 5'020;
  bench.server("a OK in\r\n");
  EXPECT_EQ(bench.log.commands, "login ok 20");
}

TEST(CommandCount, TakesNoTimeOfAnIdle) {
  EXPECT_EQ(
      after_login({client("b IDLE\r\n"), server("+ idling\r\n* 1 EXISTS\r\n"), client("DONE\r\n"),
                   server("b OK done\r\n"), client("c NOOP\r\n"), server("c OK done\r\n")}),
      "idle ok, noop ok 0");
}

TEST(CommandCount, TakesNoTimeOfACommandThatIsRefusedBeforeItsEnd) {
  EXPECT_EQ(after_login({client("b APPEND x {3}\r\n"), server("b NO [TRYCREATE] no\r\n")}),
            "append no");
}

TEST(CommandCount, LeavesOutWhatIsUncertain) {
  EXPECT_EQ(
      after_login({client("b NOOP\r\nb NOOP\r\n"), server("b OK\r\nb OK\r\n"), client("c NOOP\r\n"),
                   server("c OK\r\n"), client("d CHECK\r\n"), server("d OK\r\n")}),
      "noop ok 0, check ok 0")
      << "the answer to the second b makes it certain again";
}

TEST(CommandCount, LeavesOutWhatIsCompressed) {
  FilterBench bench;
  bench.server("* OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n");
  bench.client("a LOGIN u p\r\n");
  bench.server("a OK in\r\n");
  bench.client("b COMPRESS DEFLATE\r\n");
  bench.server("b OK on\r\n");
  bench.client("c NOOP\r\n");
  bench.server("c OK done\r\n");
  bench.filter.end(true);
  EXPECT_EQ(bench.log.commands, "login ok 0, compress ok 0");
}

TEST(CommandCount, LeavesOutWhatTheServerIsNotSent) {
  EXPECT_EQ(commands({client("a IDLE\r\nb STARTTLS\r\nc LOGIN\r\n")}), "");
}

TEST(CommandCount, HasAResultForWhatIsNotAnswered) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a LOGIN u p\r\n");
  bench.server("a OK in\r\n");
  bench.client("b FETCH 1 FLAGS\r\nc IDLE\r\nd");
  bench.filter.end(true);
  bench.filter.end(true);
  EXPECT_EQ(bench.log.commands, "login ok 0, fetch abandoned, idle abandoned");
}

TEST(CommandCount, KnowsNoCommandWhoseEndHasNotCome) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a LOGIN u p\r\n");
  bench.server("a OK in\r\n");
  bench.client("b NOOP\r\nc SEARCH FROM {3}\r\n");
  bench.filter.end(false);
  EXPECT_EQ(bench.log.commands, "login ok 0, noop abandoned");
}

// Dovecot answers a command under a tag that it does not like so.
TEST(CommandCount, CountsAnswersWithoutATagBeforeLogin) {
  EXPECT_EQ(commands({client("a NOOP\r\n"), server("* BAD tag\r\n"), client("b NOOP\r\n"),
                      server("b OK\r\n")}),
            "noop bad 0, noop ok 0");
}

TEST(CommandCount, CountsWhatIsPassedOverBeforeLogin) {
  EXPECT_EQ(commands({client("a NOOP\r\nb CAPABILITY\r\n"), server("b OK\r\n")}),
            "noop abandoned, capability ok 0");
}

}  // namespace
}  // namespace postern::imap
