#include "proxy/net/file_watch.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tests/support/test_loop.h"

namespace postern::net {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class FileWatchTest : public testing::Test, private FileWatchObserver {
 public:
  ~FileWatchTest() override { EXPECT_TRUE(test::run_to_end(loop_)); }

 protected:
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) { directory_.write(name, text); }
  void follow(FileWatch::View view) { watch_.follow(std::move(view)); }
  // The paths of the next reported change.
  std::vector<std::string> reported() {
    changed_.clear();
    EXPECT_TRUE(test::run_until(loop_, [this] { return !changed_.empty(); }));
    return changed_;
  }
  size_t calls_ = 0;

 private:
  void on_files_changed(const std::vector<std::string>& paths) override {
    ++calls_;
    changed_ = paths;
  }

  test::TempDirectory directory_;
  net::Loop loop_;
  FileWatch watch_{loop_, *this};
  std::vector<std::string> changed_;
};

TEST_F(FileWatchTest, ReportsAFileRewrittenInPlace) {
  write("a", "one");
  write("b", "one");
  follow(FileWatch::look({path("a"), path("b")}));
  write("a", "two");  // of the same size
  EXPECT_THAT(reported(), ElementsAre(path("a")));
}

TEST_F(FileWatchTest, ReportsAFileRenamedOver) {
  write("a", "one");
  follow(FileWatch::look({path("a")}));
  write("new", "two");
  fs::rename(path("new"), path("a"));
  EXPECT_THAT(reported(), ElementsAre(path("a")));
}

TEST_F(FileWatchTest, FollowsLinksOnTheWay) {
  fs::create_directory(path("1"));
  fs::create_directory(path("2"));
  write("1/tls.crt", "same");
  write("2/tls.crt", "same");
  fs::create_symlink("1", path("..data"));
  fs::create_symlink("..data/tls.crt", path("tls.crt"));
  follow(FileWatch::look({path("tls.crt")}));
  fs::create_symlink("2", path("..new"));
  fs::rename(path("..new"), path("..data"));
  EXPECT_THAT(reported(), ElementsAre(path("tls.crt")));
}

TEST_F(FileWatchTest, ReportsAFileThatGoesAndComesBack) {
  write("a", "one");
  follow(FileWatch::look({path("a")}));
  fs::remove(path("a"));
  EXPECT_THAT(reported(), ElementsAre(path("a")));
  write("a", "one");
  EXPECT_THAT(reported(), ElementsAre(path("a")));
}

TEST_F(FileWatchTest, ReportsTwoSuccessiveWritesAsOneChange) {
  write("a", "one");
  write("b", "one");
  follow(FileWatch::look({path("a"), path("b")}));
  write("a", "two");
  write("b", "two");
  EXPECT_THAT(reported(), ElementsAre(path("a"), path("b")));
  EXPECT_EQ(calls_, 1U);
}

TEST_F(FileWatchTest, MissesNoChangeBetweenLookAndFollow) {
  write("a", "one");
  const FileWatch::View view = FileWatch::look({path("a"), path("a"), ""});
  ASSERT_EQ(view.size(), 1U) << "each path once, and no empty one";
  write("a", "two");
  follow(view);
  EXPECT_THAT(reported(), ElementsAre(path("a")));
}

}  // namespace
}  // namespace postern::net
