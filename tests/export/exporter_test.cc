#include "metrics/export/exporter.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <sstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/export/fixed_samples.h"
#include "tests/metrics/figures.h"

namespace postern::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

// Two threads' counters, and the text of their sums and of the samples.
struct Figures {
  std::string text(std::vector<Sample> samples = {}) {
    FixedSamples source(std::move(samples));
    return Exporter(labels, {&first, &second}, source).text(Format::Text);
  }

  LabelSets labels = complete_labels();
  Counters first{labels};
  Counters second{labels};
};

// The value of the line that begins with `series`; -1 without such a line.
double value_of(const std::string& text, const std::string& series) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + " ")) {
      return std::stod(line.substr(series.size() + 1));
    }
  }
  return -1;
}

TEST(Exporter, SumsTheThreads) {
  Figures figures;
  figures.first.cell_at(Metric::SessionsTotal, {0, 1}).add(3);
  figures.second.cell_at(Metric::SessionsTotal, {0, 1}).add(4);
  EXPECT_EQ(
      value_of(figures.text(), R"(postern_sessions_total{listener="first",end_reason="second"})"),
      7);
}

TEST(Exporter, StartsSimpleMetricsAtZero) {
  Figures figures;
  const std::string empty = figures.text();
  EXPECT_EQ(value_of(empty, "postern_sessions_idle"), 0);
  EXPECT_EQ(value_of(empty, R"(postern_config_reloads_total{result="error"})"), 0);
  EXPECT_EQ(value_of(empty, "postern_handshake_duration_seconds_count"), 0);
}

TEST(Exporter, LeavesOutCombinationsThatAreZero) {
  Figures figures;
  figures.first.cell_at(Metric::Handshakes, {0, 1, 0, 1}).add(1);
  const std::string exported = figures.text();
  EXPECT_THAT(exported, HasSubstr("postern_handshakes_total{version=\"first\",cipher=\"second\","
                                  "group=\"first\",resumed=\"second\"} 1\n"));
  EXPECT_THAT(exported, Not(HasSubstr("version=\"second\"")));
  EXPECT_THAT(exported, Not(HasSubstr("postern_logins_total")));
}

TEST(Exporter, NamesAServersBackend) {
  Figures figures;
  const size_t legacy = figures.labels.intern_backend("legacy");
  const size_t server = figures.labels.intern_server(legacy, "mail:143");
  figures.second.cell_at(Metric::BackendConnects, {server, 1}).add(5);
  const std::string exported = figures.text();
  EXPECT_THAT(exported, HasSubstr("postern_backend_connects_total{backend=\"legacy\","
                                  "server=\"mail:143\",result=\"second\"} 5\n"));
  EXPECT_THAT(exported, HasSubstr("postern_backend_sessions_active{backend=\"legacy\","
                                  "server=\"mail:143\"} 0\n"));
  EXPECT_THAT(exported, Not(HasSubstr("\"other\"")));
}

TEST(Exporter, ShowsOtherOnceItCounts) {
  Figures figures;
  figures.first.cell_at(Metric::BackendHandshakes, {LabelSets::kOther, 0, 0, 0}).add(1);
  EXPECT_THAT(figures.text(), HasSubstr("postern_backend_handshakes_total{backend=\"other\""));
}

TEST(Exporter, AccumulatesBucketsInSeconds) {
  Figures figures;
  figures.first.histogram_at(Metric::HandshakeDuration, {}).observe(100);
  figures.second.histogram_at(Metric::HandshakeDuration, {}).observe(2'000'000);
  figures.second.histogram_at(Metric::HandshakeDuration, {}).observe(70'000'000);
  const std::string exported = figures.text();
  const std::string bucket = "postern_handshake_duration_seconds_bucket";
  EXPECT_EQ(value_of(exported, bucket + "{le=\"0.0001\"}"), 1);
  EXPECT_EQ(value_of(exported, bucket + "{le=\"1\"}"), 1);
  EXPECT_EQ(value_of(exported, bucket + "{le=\"2.5\"}"), 2);
  EXPECT_EQ(value_of(exported, bucket + "{le=\"+Inf\"}"), 3);
  EXPECT_EQ(value_of(exported, "postern_handshake_duration_seconds_count"), 3);
  EXPECT_DOUBLE_EQ(value_of(exported, "postern_handshake_duration_seconds_sum"), 72.0001);
}

TEST(Exporter, LowersAGaugeAgain) {
  Figures figures;
  ScopedGauge hold(figures.first.cell_at(Metric::SessionsActive, {1}));
  const std::string series = "postern_sessions_active{listener=\"second\"}";
  EXPECT_EQ(value_of(figures.text(), series), 1);
  hold.release();
  EXPECT_EQ(value_of(figures.text(), series), 0);
}

TEST(Exporter, EscapesNamesFromTheConfiguration) {
  Figures figures;
  const size_t backend = figures.labels.intern_backend("a\"b\\c\nd");
  figures.first.cell_at(Metric::BackendHandshakes, {backend, 0, 0, 0}).add(1);
  EXPECT_THAT(figures.text(), HasSubstr(R"(backend="a\"b\\c\nd")"));
}

TEST(Exporter, ExportsSamplesWithTheirLabels) {
  Figures figures;
  const std::string exported = figures.text({{Metric::BackendInfo, {"legacy", "none", "none"}, 1},
                                             {Metric::CertificateNotAfter, {"a.pem", "RSA"}, 1.8e9},
                                             {Metric::Ready, {}, 0}});
  EXPECT_EQ(
      value_of(exported, R"(postern_backend_info{backend="legacy",tls="none",verify="none"})"), 1);
  EXPECT_EQ(value_of(exported,
                     "postern_certificate_not_after_timestamp_seconds"
                     R"({certificate="a.pem",key_type="RSA"})"),
            1.8e9);
  EXPECT_EQ(value_of(exported, "postern_ready"), 0);
  EXPECT_THAT(exported, Not(HasSubstr("postern_workers")));
}

TEST(ExporterDeathTest, RefusesSamplesThatTheCatalogueDoesNotAllow) {
  Figures figures;
  EXPECT_DEATH(figures.text({{Metric::BackendInfo, {"legacy"}, 1}}), "all its labels");
  EXPECT_DEATH(figures.text({{Metric::Ready, {"yes"}, 1}}), "no more labels");
  EXPECT_DEATH(figures.text({{Metric::SessionsIdle, {}, 1}}), "is not counted");
}

TEST(Exporter, ReportsTheProcess) {
  Figures figures;
  std::vector<Sample> samples;
  sample_process(samples);
  EXPECT_EQ(samples.size(), 6U);
  const std::string exported = figures.text(samples);
  EXPECT_GE(value_of(exported, "process_cpu_seconds_total"), 0);
  EXPECT_GE(value_of(exported, "process_open_fds"), 3);
  EXPECT_GE(value_of(exported, "process_max_fds"), value_of(exported, "process_open_fds"));
  EXPECT_GT(value_of(exported, "process_virtual_memory_bytes"),
            value_of(exported, "process_resident_memory_bytes"));
  const double start = value_of(exported, "process_start_time_seconds");
  EXPECT_NEAR(start, static_cast<double>(time(nullptr)), 3600);
}

// Every kind of line, as a live gateway would give it.
std::string everything(LabelSets& labels, Counters& counters) {
  const size_t backend = labels.intern_backend("legacy");
  const size_t server = labels.intern_server(backend, "mail:143");
  std::vector<Sample> samples;
  for (const Descriptor& metric : catalog()) {
    if (metric.sampled) {
      Sample sample{metric.id, {}, 1};
      for (const Label label : metric.labels) {
        if (label != Label::None) {
          sample.label_values.emplace_back("value");
        }
      }
      samples.push_back(sample);
      continue;
    }
    const std::array<Label, 4> by = dimensions(metric.id);
    const size_t first = by[0] == Label::Server ? server : by[0] == Label::Backend ? backend : 0;
    const bool histogram = metric.type == Type::Histogram;
    if (by[0] == Label::None) {
      histogram ? counters.histogram_at(metric.id, {}).observe(1)
                : counters.cell_at(metric.id, {}).add(1);
    } else if (by[1] == Label::None) {
      histogram ? counters.histogram_at(metric.id, {first}).observe(1)
                : counters.cell_at(metric.id, {first}).add(1);
    } else if (by[2] == Label::None) {
      counters.cell_at(metric.id, {first, 1}).add(1);
    } else if (by[3] == Label::None) {
      counters.cell_at(metric.id, {first, 1, 1}).add(1);
    } else {
      counters.cell_at(metric.id, {first, 1, 1, 1}).add(1);
    }
  }
  FixedSamples source(std::move(samples));
  return Exporter(labels, {&counters}, source).text(Format::Text);
}

TEST(Exporter, ExportsEveryMetricOfTheCatalogue) {
  Figures figures;
  const std::string exported = everything(figures.labels, figures.first);
  for (const Descriptor& metric : catalog()) {
    EXPECT_THAT(exported, HasSubstr(std::string("# HELP ") + metric.name + " " + metric.help));
    EXPECT_THAT(exported, HasSubstr(std::string("\n") + metric.name)) << metric.name;
  }
}

TEST(Exporter, PassesPromtool) {
  Figures figures;
  if (std::system("command -v promtool >/dev/null") != 0) {
    GTEST_SKIP() << "promtool is not installed: apt-get install prometheus";
  }
  FILE* promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string exported = everything(figures.labels, figures.first);
  EXPECT_EQ(fwrite(exported.data(), 1, exported.size(), promtool), exported.size());
  EXPECT_EQ(pclose(promtool), 0) << exported;
}

// What ThreadSanitizer is for: rows appear and cells change while they are read.
TEST(Exporter, ReadsWhileTwoThreadsCount) {
  Figures figures;
  constexpr size_t kRounds = 20'000;
  const size_t server =
      figures.labels.intern_server(figures.labels.intern_backend("legacy"), "mail:143");
  const auto write = [&](Counters& counters) {
    for (size_t i = 0; i < kRounds; ++i) {
      ScopedGauge hold(counters.cell<Metric::SessionsIdle>());
      counters.cell_at(Metric::BackendConnects, {server, i % 2}).add(1);
      counters.histogram_at(Metric::HandshakeDuration, {}).observe(i);
    }
  };
  std::thread one([&] { write(figures.first); });
  std::thread two([&] { write(figures.second); });
  FixedSamples source;
  Exporter exporter(figures.labels, {&figures.first, &figures.second}, source);
  double last = 0;
  while (last < 2 * kRounds) {
    const double count =
        value_of(exporter.text(Format::Text), "postern_handshake_duration_seconds_count");
    EXPECT_GE(count, last);
    last = count;
  }
  one.join();
  two.join();
  const std::string exported = exporter.text(Format::Text);
  EXPECT_EQ(value_of(exported, "postern_sessions_idle"), 0);
  EXPECT_EQ(value_of(exported,
                     "postern_backend_connects_total{backend=\"legacy\","
                     "server=\"mail:143\",result=\"first\"}"),
            kRounds);
}

}  // namespace
}  // namespace postern::metrics
