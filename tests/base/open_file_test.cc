#include "proxy/base/open_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(OpenFile, OpensWhatIsThere) {
  const Result<OpenFile> file = open_file("/proc/self/stat");
  ASSERT_TRUE(file);
  EXPECT_NE(std::fgetc(file.value().get()), EOF);
}

TEST(OpenFile, SaysWhyItCannot) {
  const Result<OpenFile> file = open_file("/nonexistent/key");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.faults()[0].text(), "/nonexistent/key: cannot be read: No such file or directory");
}

// A pipe without a writer: to open it would last until there is one.
TEST(OpenFile, WaitsForNoWriter) {
  std::string folder = testing::TempDir() + "open_file_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), S_IRUSR | S_IWUSR), 0);
  const Result<OpenFile> file = open_file(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.faults()[0].text(), path + ": cannot be read: it is a pipe, not a file");
  unlink(path.c_str());
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace postern
