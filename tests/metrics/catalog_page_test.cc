#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "metrics/catalog.h"

namespace postern::metrics {
namespace {

// The documented surface is the real one. `metrics_test --gtest_filter=Catalog.MatchesItsPage`
// prints the new table when the two differ.
TEST(Catalog, MatchesItsPage) {
  const std::string path = POSTERN_SOURCE "/docs/metrics.md";
  std::ifstream file(path);
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string begin = "<!-- metrics:begin -->\n";
  const size_t from = page.find(begin);
  const size_t to = page.find("<!-- metrics:end -->");
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos && from < to)
      << path << " has no markers <!-- metrics:begin --> and <!-- metrics:end -->";
  const std::string table = page.substr(from + begin.size(), to - from - begin.size());
  EXPECT_TRUE(table == catalog_markdown())
      << "Replace the text between the markers in " << path << " by:\n\n"
      << catalog_markdown();
}

}  // namespace
}  // namespace postern::metrics
