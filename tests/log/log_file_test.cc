#include "proxy/log/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "proxy/log/log.h"

namespace postern::log {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class LogFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = testing::TempDir() + "log-XXXXXX";
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
    path_ = folder_ + "/postern.log";
  }
  void TearDown() override {
    LogFile().use();  // standard error again
    std::filesystem::remove_all(folder_);
  }
  static LogFile open(const std::string& path) {
    Result<LogFile> file = LogFile::open(path);
    EXPECT_TRUE(file);
    return file ? std::move(file.value()) : LogFile();
  }

  std::string folder_;
  std::string path_;
};

TEST_F(LogFileTest, TakesThePlaceOfStandardErrorUntilAnotherDoes) {
  LogFile file = open(path_);
  EXPECT_EQ(content(path_), "") << "nothing goes there before it is in use";
  file.use();
  warn("first");
  std::fputs("a word of a library\n", stderr);
  LogFile other = open(folder_ + "/other.log");
  other.use();
  warn("second");
  LogFile().use();
  EXPECT_NE(content(path_).find("warn  first"), std::string::npos);
  EXPECT_NE(content(path_).find("a word of a library"), std::string::npos);
  EXPECT_EQ(content(path_).find("second"), std::string::npos);
  EXPECT_NE(content(folder_ + "/other.log").find("warn  second"), std::string::npos);
  struct stat made {};
  ASSERT_EQ(stat(path_.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0137U, 0U) << "others read nothing";
}

TEST_F(LogFileTest, GoesOnUnderTheOldNameAfterItIsRenamed) {
  LogFile file = open(path_);
  file.use();
  warn("before");
  std::filesystem::rename(path_, path_ + ".1");
  warn("between");
  file.reopen();
  warn("after");
  EXPECT_NE(content(path_ + ".1").find("between"), std::string::npos);
  EXPECT_EQ(content(path_ + ".1").find("after"), std::string::npos);
  EXPECT_NE(content(path_).find("log file reopened file=" + path_), std::string::npos);
  EXPECT_NE(content(path_).find("after"), std::string::npos);
}

TEST_F(LogFileTest, StaysIfItCannotBeOpenedAgain) {
  LogFile file = open(path_);
  file.use();
  std::filesystem::rename(folder_, folder_ + "-gone");
  file.reopen();
  std::filesystem::rename(folder_ + "-gone", folder_);
  EXPECT_NE(content(path_).find("log file not reopened, the old one stays"), std::string::npos);
  EXPECT_NE(content(path_).find("No such file or directory"), std::string::npos);
}

TEST_F(LogFileTest, SaysWhatIsWrongWithAName) {
  const std::string missing = folder_ + "/missing/postern.log";
  const Result<LogFile> file = LogFile::open(missing);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.faults().front().text(),
            missing +
                ": log.file cannot be opened: No such file or directory; the user that postern "
                "runs as must be able to write it and to make files in its folder");
  EXPECT_FALSE(LogFile::open(folder_));
}

TEST_F(LogFileTest, DoesNotWaitForTheReaderOfAFifo) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(LogFile::open(path_));
}

TEST_F(LogFileTest, KeepsNoDescriptorOpen) {
  const auto lowest = [] {
    const int fd = ::open("/", O_PATH | O_CLOEXEC);
    ::close(fd);
    return fd;
  };
  LogFile().use();  // keeps standard error
  const int before = lowest();
  LogFile file = open(path_);
  file.use();
  for (int i = 0; i < 3; ++i) {
    file.reopen();
  }
  EXPECT_EQ(lowest(), before);
}

}  // namespace
}  // namespace postern::log
