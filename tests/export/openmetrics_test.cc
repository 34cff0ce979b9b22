#include "metrics/export/openmetrics.h"

#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/export/exporter.h"
#include "tests/export/fixed_samples.h"
#include "tests/metrics/figures.h"

namespace postern::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Figures {
  std::string text(std::vector<Sample> samples = {}) {
    FixedSamples source(std::move(samples));
    return Exporter(labels, {&counters}, source).text(Format::OpenMetrics);
  }
  LabelSets labels = complete_labels();
  Counters counters{labels};
};

TEST(OpenMetrics, NamesACounterByItsFamily) {
  Figures figures;
  figures.counters.cell_at(Metric::SessionsTotal, {0, 1}).add(3);
  EXPECT_THAT(figures.text(),
              HasSubstr("# TYPE postern_sessions counter\n"
                        "# HELP postern_sessions Client sessions that ended, by the reason why.\n"
                        "postern_sessions_total{listener=\"first\",end_reason=\"second\"} 3\n"));
}

TEST(OpenMetrics, HasTheUnitThatANameEndsIn) {
  Figures figures;
  figures.counters.cell<Metric::Bytes>(Hop::Client, Direction::In).add(1);
  const std::string text = figures.text({{Metric::ProcessCpuSeconds, {}, 1.5}});
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds counter\n"
                              "# UNIT process_cpu_seconds seconds\n"));
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total 1.5\n"));
  EXPECT_THAT(text, HasSubstr("# UNIT postern_bytes bytes\n"));
  EXPECT_THAT(text, Not(HasSubstr("# UNIT postern_sessions")));
}

TEST(OpenMetrics, WritesBoundsAsOthersDo) {
  Figures figures;
  figures.counters.histogram_at(Metric::HandshakeDuration, {}).observe(2'000'000);
  const std::string text = figures.text();
  const std::string bucket = "postern_handshake_duration_seconds_bucket{le=\"";
  EXPECT_THAT(text, HasSubstr(bucket + "0.0001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "0.25\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "1.0\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "60.0\"} 1\n" + bucket + "+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_handshake_duration_seconds_count 1\n"
                              "postern_handshake_duration_seconds_sum 2\n"));
}

TEST(OpenMetrics, EscapesLabels) {
  Figures figures;
  figures.labels.intern_backend("a\"b\\c\nd");
  const std::string text = figures.text({{Metric::BackendInfo, {"a\"b\\c\nd", "none", "none"}, 1}});
  EXPECT_THAT(text, HasSubstr("postern_backend_info{backend=\"a\\\"b\\\\c\\nd\",tls=\"none\","
                              "verify=\"none\"} 1\n"));
}

TEST(OpenMetrics, EndsOnce) {
  Figures figures;
  const std::string text = figures.text();
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  EXPECT_EQ(text.find("# EOF"), text.rfind("# EOF"));
}

// Each family stands in one piece, its description first, and no name is that of two.
TEST(OpenMetrics, KeepsFamiliesApart) {
  Figures figures;
  std::istringstream lines(figures.text());
  std::set<std::string> seen;
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    if (line.starts_with("# TYPE ")) {
      words >> hash >> what >> family;
      EXPECT_TRUE(seen.insert(family).second) << line;
    } else if (!line.starts_with("# ")) {
      EXPECT_TRUE(line.starts_with(family)) << line;
    }
  }
  EXPECT_GT(seen.size(), 10U);
}

}  // namespace
}  // namespace postern::metrics
