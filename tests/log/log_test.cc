#include "proxy/log/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/log/escape.h"
#include "proxy/log/rate_limiter.h"
#include "tests/support/logged.h"

namespace postern::log {
namespace {

using test::logged;
using test::StandardError;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const std::string kTime = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z ";

class LogTest : public testing::Test {
 protected:
  LogTest() { configure(Format::Text, Level::Info); }
  ~LogTest() override { configure(Format::Text, Level::Info); }
};

using Log = LogTest;

TEST_F(Log, WritesOneLineOfTimeLevelEventAndFields) {
  const auto lines = logged([] {
    info("listening", {{"address", "127.0.0.1:993"}, {"tls", "implicit"}, {"count", 3}});
    error("broken");
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], MatchesRegex(kTime + "info  listening address=127\\.0\\.0\\.1:993 "
                                             "tls=implicit count=3"));
  EXPECT_THAT(lines[1], EndsWith("Z error broken"));
}

TEST_F(Log, QuotesAndEscapesWhatCouldForgeALine) {
  const auto lines = logged([] {
    info("escapes", {{"a", "two words"},
                     {"b", "x\ny\r\t\x1b[2J"},
                     {"c", "say \"hi\"\\"},
                     {"d", "\xc3\xbc\xff"},
                     {"e", ""},
                     {"f", "k=v"},
                     {"g", std::string_view("\0", 1)}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], EndsWith(R"( a="two words" b="x\ny\r\t\x1b[2J" c="say \"hi\"\\")"
                                 R"( d="\xc3\xbc\xff" e="" f="k=v" g="\x00")"));
}

TEST_F(Log, CutsLongValues) {
  const auto lines = logged([] { info("long", {{"v", std::string(513, 'x')}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], EndsWith(" v=" + std::string(512, 'x') + "..."));
}

TEST_F(Log, WritesJsonWithEscapedStrings) {
  configure(Format::Json, Level::Info);
  const auto lines = logged([] {
    warn("json", {{"text", "a\"b\\\n\x1b\xff"}, {"number", 42}, {"digits", "42"}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], StartsWith(R"({"time":"20)"));
  EXPECT_THAT(lines[0], EndsWith(R"(Z","level":"warn","event":"json",)"
                                 R"("text":"a\"b\\\n\u001b\\xff","number":42,"digits":"42"})"));
}

TEST_F(Log, LeavesOutOptionalFieldsWithoutAValue) {
  const auto write = [] {
    info("optional", {Field::optional("a", ""), Field::optional("b", "x"), {"c", ""}});
  };
  EXPECT_THAT(logged(write), ElementsAre(EndsWith("info  optional b=x c=\"\"")));
  configure(Format::Json, Level::Info);
  EXPECT_THAT(logged(write), ElementsAre(EndsWith(R"("event":"optional","b":"x","c":""})")));
}

// The journal is a stream socket, and JOURNAL_STREAM names it by device and inode.
class LogToJournal : public LogTest {
 protected:
  LogToJournal() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    name_journal(ends_[1]);
  }
  ~LogToJournal() override {
    unsetenv("JOURNAL_STREAM");
    close(ends_[0]);
    close(ends_[1]);
  }
  static void name_journal(int fd) {
    struct stat is {};
    EXPECT_EQ(fstat(fd, &is), 0);
    const std::string name = std::to_string(is.st_dev) + ":" + std::to_string(is.st_ino);
    setenv("JOURNAL_STREAM", name.c_str(), 1);
  }
  // What the other end of the socket gets.
  std::string written(Format format) {
    {
      const StandardError redirected(ends_[1]);
      configure(format, Level::Debug);
      debug("tried");
      info("done");
      warn("doubtful");
      error("broken");
    }
    std::string text(4096, '\0');
    const ssize_t size = read(ends_[0], text.data(), text.size());
    EXPECT_GT(size, 0);
    text.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    return text;
  }
  int ends_[2];
};

TEST_F(LogToJournal, GivesTextAPriorityAndNoTime) {
  EXPECT_EQ(written(Format::Text),
            "<7>debug tried\n<6>info  done\n<4>warn  doubtful\n<3>error broken\n");
}

TEST_F(LogToJournal, GivesJsonAPriorityToo) {
  EXPECT_THAT(written(Format::Json),
              MatchesRegex("<7>[{]\"time\":\"[^<]*<6>[{][^<]*<4>[{][^<]*<3>[{]\"time\":\"[^\"]*\","
                           "\"level\":\"error\",\"event\":\"broken\"[}]\n"));
}

// Standard error of a child, or of a shell that has redirected it, is another than the variable's.
TEST_F(LogToJournal, WritesAsEverIfStandardErrorIsNotTheJournal) {
  int other[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
  name_journal(other[1]);
  const std::string text = written(Format::Text);
  EXPECT_THAT(text, MatchesRegex(kTime + "debug tried\n(.|\n)*"));
  EXPECT_THAT(text, testing::Not(HasSubstr("<")));
  close(other[0]);
  close(other[1]);
}

TEST_F(Log, WritesOnlyWhatTheLevelAllows) {
  configure(Format::Text, Level::Warn);
  EXPECT_FALSE(enabled(Level::Info));
  EXPECT_TRUE(enabled(Level::Error));
  const auto lines = logged([] {
    debug("level debug");
    info("level info");
    warn("level warn");
  });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("level warn")));
}

// Wherever the seconds begin, every line is either written or counted.
TEST_F(Log, CountsTheLinesOfAFlood) {
  constexpr size_t kLines = 5000;
  const auto lines = logged([] {
    for (size_t i = 0; i < kLines; ++i) {
      info("flood");
    }
    flush();
  });
  size_t written = 0;
  size_t counted = 0;
  for (const std::string& line : lines) {
    if (line.find("info  flood") != std::string::npos) {
      ++written;
    }
    const size_t at = line.find("info  suppressed of=flood count=");
    if (at != std::string::npos) {
      counted += std::stoul(line.substr(line.rfind('=') + 1));
    }
  }
  EXPECT_GE(written, kLinesPerSecond);
  EXPECT_EQ(written + counted, kLines);
  EXPECT_GT(counted, 0U);
}

TEST_F(Log, NeverLimitsErrors) {
  const auto lines = logged([] {
    for (int i = 0; i < 300; ++i) {
      error("many errors");
    }
  });
  EXPECT_EQ(lines.size(), 300U);
}

TEST_F(Log, KeepsLinesWholeAmongThreads) {
  const auto lines = logged([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 100; ++i) {
          error("threads", {{"value", std::string(200, 'x')}});
          configure(i % 2 == 0 ? Format::Json : Format::Text, Level::Info);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  });
  ASSERT_EQ(lines.size(), 400U);
  const std::string value(200, 'x');
  for (const std::string& line : lines) {
    const bool json = line.front() == '{';
    EXPECT_THAT(line, EndsWith(json ? "\"event\":\"threads\",\"value\":\"" + value + "\"}"
                                    : "error threads value=" + value));
  }
}

TEST_F(Log, LosesLinesOnAFullDiskAndReportsThemLater) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  {
    const StandardError redirected(full);
    error("disk full");
    error("disk full");
  }
  close(full);
  const auto lines = logged([] { error("disk free"); });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("log lines lost count=2"), HasSubstr("disk free")));
}

TEST_F(Log, SurvivesAClosedPipe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  {
    const StandardError redirected(ends[1]);
    error("nobody reads");
  }
  close(ends[1]);
  const auto lines = logged([] { error("somebody reads"); });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("log lines lost count=1"), HasSubstr("somebody reads")));
}

TEST_F(Log, DoesNotWaitForAStalledReader) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);  // blocking: a plain write would hang this test
  const std::string value(500, 'x');
  constexpr size_t kLines = 1000;
  {
    const StandardError redirected(ends[1]);
    for (size_t i = 0; i < kLines; ++i) {
      error("stalled", {{"value", value}});
    }
  }
  std::string text(1 << 20, '\0');
  const ssize_t size = read(ends[0], text.data(), text.size());
  ASSERT_GT(size, 0);
  text.resize(static_cast<size_t>(size));
  close(ends[0]);
  close(ends[1]);
  const auto written = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  const auto lines = logged([] { error("moving"); });
  ASSERT_GE(lines.size(), 2U);
  const std::string& reported = lines[lines.size() - 2];
  EXPECT_THAT(reported, HasSubstr("log lines lost count="));
  EXPECT_EQ(std::stoul(reported.substr(reported.rfind('=') + 1)) + written, kLines);
}

bool admit(Limiter& limiter, const char* event, int64_t now_s, const Group& group = {}) {
  return limiter.admit(Level::Info, event, group, now_s);
}

TEST(LogLimiter, AdmitsAHundredLinesOfAnEventInASecond) {
  Limiter limiter;
  for (uint32_t i = 0; i < kLinesPerSecond; ++i) {
    EXPECT_TRUE(admit(limiter, "a", 7));
  }
  EXPECT_FALSE(admit(limiter, "a", 7));
  EXPECT_TRUE(admit(limiter, "b", 7)) << "events don't share their limit";
  EXPECT_TRUE(admit(limiter, "a", 8)) << "the next second is a new one";
}

TEST(LogLimiter, AdmitsOneLineInASecondOfAnEventThatSaysTheSame) {
  Limiter limiter;
  const Group group{.key = "listener", .value = "a:993", .once = true};
  EXPECT_TRUE(admit(limiter, "a", 7, group));
  EXPECT_FALSE(admit(limiter, "a", 7, group));
  EXPECT_TRUE(admit(limiter, "a", 8, group));
  EXPECT_FALSE(admit(limiter, "a", 8, group));
  const auto reported = limiter.take_suppressed(9);
  ASSERT_EQ(reported.size(), 2U);
  EXPECT_EQ(reported[0].value, "a:993");
  EXPECT_EQ(reported[0].count, 1U);
}

TEST_F(Log, LimitsErrorsThatSayTheSame) {
  const auto lines = logged([] {
    for (int i = 0; i < 50; ++i) {
      write(Level::Error, "out of something", {}, {.once = true});
    }
  });
  EXPECT_LE(lines.size(), 4U)
      << "a line, the rest counted, and perhaps the same of the next second";
}

TEST_F(Log, WritesTheRecordOfEachAct) {
  const auto lines = logged([] {
    for (int i = 0; i < 250; ++i) {
      info("act", {});
      write(Level::Warn, "act", {}, {.always = true});
    }
  });
  EXPECT_GE(std::ranges::count_if(
                lines, [](const std::string& line) { return line.ends_with("warn  act"); }),
            250);
}

TEST(LogLimiter, ReportsSuppressedLinesOnce) {
  Limiter limiter;
  for (uint32_t i = 0; i < kLinesPerSecond + 5; ++i) {
    admit(limiter, "a", 7);
  }
  EXPECT_TRUE(limiter.take_suppressed(7).empty()) << "the second is not over";
  const auto reported = limiter.take_suppressed(8);
  ASSERT_EQ(reported.size(), 1U);
  EXPECT_EQ(reported[0].event, "a");
  EXPECT_EQ(reported[0].count, 5U);
  EXPECT_TRUE(limiter.take_suppressed(9).empty());
}

TEST(LogLimiter, CountsByTheGroup) {
  Limiter limiter;
  for (uint32_t i = 0; i < kLinesPerSecond; ++i) {
    admit(limiter, "a", 7, {.key = "reason", .value = "x"});
  }
  for (const char* reason : {"x", "y", "x"}) {
    EXPECT_FALSE(admit(limiter, "a", 7, {.key = "reason", .value = reason}));
  }
  EXPECT_TRUE(admit(limiter, "a", 8, {.key = "reason", .value = "x"}));
  const auto suppressed = limiter.take_suppressed(8);
  ASSERT_EQ(suppressed.size(), 2U);
  EXPECT_STREQ(suppressed[0].key, "reason");
  EXPECT_EQ(suppressed[0].value, "x");
  EXPECT_EQ(suppressed[0].count, 2U);
  EXPECT_EQ(suppressed[1].value, "y");
  EXPECT_EQ(suppressed[1].count, 1U);
}

// What a reader that bans by such lines lives on: a flood of one client hides no other.
TEST(LogLimiter, KeepsTheLinesOfAClientWhateverOthersCause) {
  Limiter limiter;
  const Group flood{.key = "client", .value = "192.0.2.1", .client = 1};
  const Group slow{.key = "client", .value = "192.0.2.2", .client = 2};
  uint64_t flooded = 0;
  for (int64_t second = 100; second < 160; ++second) {
    for (uint32_t i = 0; i < 5 * kLinesPerSecond; ++i) {
      flooded += admit(limiter, "a", second, flood) ? 1 : 0;
    }
    if (second % 6 == 0) {
      EXPECT_TRUE(admit(limiter, "a", second, slow)) << second;
    }
    EXPECT_TRUE(limiter.take_suppressed(second).empty()) << "the minute is not over";
  }
  EXPECT_LE(flooded, 60 * kLinesPerSecond);
  const auto suppressed = limiter.take_suppressed(160);
  ASSERT_EQ(suppressed.size(), 1U);
  EXPECT_EQ(suppressed[0].value, "192.0.2.1");
  EXPECT_EQ(suppressed[0].count, 60 * 5 * kLinesPerSecond - flooded);
}

TEST(LogLimiter, WritesTheFirstLineOfEveryClientAndForgetsThem) {
  Limiter limiter;
  constexpr uint64_t kClients = 3 * kMostClients;
  for (uint64_t client = 1; client <= kClients; ++client) {
    EXPECT_TRUE(admit(limiter, "a", 7, {.key = "client", .value = "x", .client = client}));
  }
  uint64_t counted = 0;
  for (uint32_t i = 0; i < 2 * kLinesOfClient; ++i) {
    counted += admit(limiter, "a", 7, {.key = "client", .value = "x", .client = kClients}) ? 0 : 1;
  }
  EXPECT_EQ(counted, kLinesOfClient + 1);
  ASSERT_EQ(limiter.take_suppressed(Limiter::kAll).size(), 1U);
}

TEST(LogEscape, NeverCutsAnEscape) {
  for (size_t limit = 0; limit < 9; ++limit) {
    std::string out;
    append_escaped(out, "ab\x1b\x1b", limit);
    EXPECT_EQ(out, std::string("ab\\x1b\\x1b")
                           .substr(0, limit < 2   ? limit
                                      : limit < 6 ? 2
                                                  : 6) +
                       "...");
  }
}

std::string in_json(std::string_view bytes, size_t limit = 100) {
  std::string out;
  append_json_escaped(out, bytes, limit);
  return out;
}

TEST(LogEscape, KeepsTheCharactersOfUtf8InJson) {
  EXPECT_EQ(in_json("M\xc3\xbcller"), "M\\u00fcller");
  EXPECT_EQ(in_json("\xe2\x82\xac"), "\\u20ac");
  EXPECT_EQ(in_json("\xf0\x9f\x93\xa7!"), "\\ud83d\\udce7!") << "above U+FFFF: a surrogate pair";
  EXPECT_EQ(in_json("\xf4\x8f\xbf\xbf"), "\\udbff\\udfff");
  EXPECT_EQ(in_json("\xc2\x9b\x7f"), "\\u009b\\u007f") << "C1's CSI";
  EXPECT_EQ(in_json("\xe2\x80\xae"), "\\u202e") << "a change of direction";
}

TEST(LogEscape, ShowsOctetsThatAreNoUtf8InJson) {
  EXPECT_EQ(in_json("\xff"), "\\\\xff");
  EXPECT_EQ(in_json("\xc3"), "\\\\xc3") << "cut off";
  EXPECT_EQ(in_json("\xe2\x82"), "\\\\xe2\\\\x82");
  EXPECT_EQ(in_json("\xc3(\xbc"), "\\\\xc3(\\\\xbc");
  EXPECT_EQ(in_json("\xc0\xaf\xe0\x80\xaf"), "\\\\xc0\\\\xaf\\\\xe0\\\\x80\\\\xaf") << "overlong";
  EXPECT_EQ(in_json("\xed\xa0\x80"), "\\\\xed\\\\xa0\\\\x80") << "a surrogate";
  EXPECT_EQ(in_json("\xf4\x90\x80\x80"), "\\\\xf4\\\\x90\\\\x80\\\\x80") << "beyond Unicode";
}

TEST(LogEscape, CutsNoPairOfSurrogates) {
  for (size_t limit = 0; limit < 12; ++limit) {
    EXPECT_EQ(in_json("\xf0\x9f\x93\xa7", limit), "...");
  }
}

TEST(LogEscape, MakesEveryBytePrintableAscii) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string out;
    append_escaped(out, std::string(1, static_cast<char>(byte)), 10);
    append_json_escaped(out, std::string(1, static_cast<char>(byte)), 10);
    for (const char c : out) {
      EXPECT_TRUE(c >= ' ' && c <= '~') << byte;
    }
  }
}

}  // namespace
}  // namespace postern::log
