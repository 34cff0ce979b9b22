#include "proxy/log/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
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
                                 R"("text":"a\"b\\\n\u001b\u00ff","number":42,"digits":"42"})"));
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
    const size_t at = line.find("warn  suppressed of=flood count=");
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

TEST(LogLimiter, AdmitsAHundredLinesOfAnEventInASecond) {
  Limiter limiter;
  for (uint32_t i = 0; i < kLinesPerSecond; ++i) {
    EXPECT_TRUE(limiter.admit("a", 7));
  }
  EXPECT_FALSE(limiter.admit("a", 7));
  EXPECT_TRUE(limiter.admit("b", 7)) << "events don't share their limit";
  EXPECT_TRUE(limiter.admit("a", 8)) << "the next second is a new one";
}

TEST(LogLimiter, ReportsSuppressedLinesOnce) {
  Limiter limiter;
  for (uint32_t i = 0; i < kLinesPerSecond + 5; ++i) {
    limiter.admit("a", 7);
  }
  EXPECT_TRUE(limiter.take_suppressed(7).empty()) << "the second is not over";
  const auto reported = limiter.take_suppressed(8);
  ASSERT_EQ(reported.size(), 1U);
  EXPECT_EQ(reported[0].event, "a");
  EXPECT_EQ(reported[0].count, 5U);
  EXPECT_TRUE(limiter.take_suppressed(9).empty());
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
