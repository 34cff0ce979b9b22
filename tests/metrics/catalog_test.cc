#include "metrics/catalog.h"

#include <algorithm>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/label_value.h"

namespace postern::metrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

TEST(Catalog, NamesEveryMetricOnce) {
  std::set<std::string> names;
  for (const Descriptor& metric : catalog()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_EQ(&descriptor(metric.id), &metric);
  }
  EXPECT_EQ(names.size(), kCountOf<Metric>);
}

TEST(Catalog, FollowsTheNamingOfPrometheus) {
  for (const Descriptor& metric : catalog()) {
    const std::string name = metric.name;
    EXPECT_TRUE(name.starts_with("postern_") || name.starts_with("process_")) << name;
    EXPECT_EQ(metric.type == Type::Counter, ends_with(name, "_total")) << name;
    EXPECT_TRUE(metric.type != Type::Histogram || ends_with(name, "_seconds")) << name;
  }
}

TEST(Catalog, ExplainsEveryMetricInOneSentence) {
  for (const Descriptor& metric : catalog()) {
    const std::string help = metric.help;
    EXPECT_TRUE(ends_with(help, ".")) << metric.name;
    EXPECT_EQ(std::count(help.begin(), help.end(), '.'), 1) << metric.name;
    EXPECT_EQ(help.find_first_of("|\n"), std::string::npos) << metric.name;
  }
}

TEST(Catalog, UsesNoLabelNameTwiceInOneMetric) {
  for (const Descriptor& metric : catalog()) {
    std::set<std::string> names;
    for (const Label label : metric.labels) {
      if (label != Label::None) {
        EXPECT_TRUE(names.insert(name_of(label)).second) << metric.name;
      }
    }
  }
}

TEST(Catalog, NamesEveryLabel) {
  for (size_t i = 1; i < kCountOf<Label>; ++i) {
    EXPECT_STRNE(name_of(static_cast<Label>(i)), "") << i;
  }
}

TEST(Catalog, CountsServersWithoutTheirBackend) {
  EXPECT_THAT(dimensions(Metric::BackendConnects),
              ElementsAre(Label::Server, Label::ConnectResult, Label::None, Label::None));
  EXPECT_THAT(dimensions(Metric::BackendHandshakes),
              ElementsAre(Label::Backend, Label::Version, Label::Cipher, Label::Group));
}

TEST(Catalog, OrdersBuckets) {
  const auto fine = bounds_us(Buckets::Fine);
  EXPECT_TRUE(std::is_sorted(fine.begin(), fine.end()));
  EXPECT_EQ(fine.front(), 100U);
  EXPECT_EQ(fine.back(), 60'000'000U);
  const auto coarse = bounds_us(Buckets::Coarse);
  EXPECT_TRUE(std::is_sorted(coarse.begin(), coarse.end()));
  EXPECT_EQ(coarse.front(), 5'000U);
  EXPECT_EQ(coarse.back(), 10'000'000U);
}

TEST(Catalog, PrintsMarkdown) {
  EXPECT_THAT(catalog_markdown(),
              HasSubstr("| `postern_sessions_total` | counter | `listener`, `end_reason` | "
                        "Client sessions that ended, by the reason why. |\n"));
}

}  // namespace
}  // namespace postern::metrics
