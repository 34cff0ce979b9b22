#include "metrics/export/exporter.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <utility>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "metrics/export/openmetrics.h"
#include "proxy/base/check.h"

namespace postern::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

constexpr double kMicrosecondsPerSecond = 1e6;

prometheus::MetricType exported_type(Type type) {
  switch (type) {
    case Type::Counter:
      return prometheus::MetricType::Counter;
    case Type::Gauge:
      return prometheus::MetricType::Gauge;
    case Type::Histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

void set_value(ClientMetric& metric, Type type, double value) {
  if (type == Type::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

// `cells` are the buckets, values above the last bound, and the sum. The count is the sum of the
// buckets, so that the two agree even when a worker is between its two stores.
void set_histogram(ClientMetric& metric, std::span<const uint64_t> bounds,
                   std::span<const uint64_t> cells) {
  uint64_t count = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    count += cells[i];
    metric.histogram.bucket.push_back(
        {count, static_cast<double>(bounds[i]) / kMicrosecondsPerSecond});
  }
  count += cells[bounds.size()];
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(cells.back()) / kMicrosecondsPerSecond;
}

}  // namespace

class Exporter::Collector final : public prometheus::Collectable {
 public:
  Collector(const LabelSets& labels, std::vector<const Counters*> counters, SampleSource& source)
      : labels_(labels), counters_(std::move(counters)), source_(source) {
    check(!counters_.empty(), "an exporter has counters to sum");
  }

  // One family for each metric, in the catalogue's order; those without a line are left out.
  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families;
    for (const Descriptor& metric : catalog()) {
      MetricFamily& family = families.emplace_back();
      family.name = metric.name;
      family.help = metric.help;
      family.type = exported_type(metric.type);
      if (!metric.sampled) {
        collect_counted(metric, family);
      }
    }
    collect_samples(families);
    std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
    return families;
  }

 private:
  void collect_counted(const Descriptor& metric, MetricFamily& family) const {
    const Label first = dimensions(metric.id)[0];
    const size_t rows = first == Label::None ? 1 : labels_.values(first).size();
    std::vector<uint64_t> sums(counters_.front()->row_size(metric.id));
    for (size_t row = 0; row < rows; ++row) {
      std::fill(sums.begin(), sums.end(), 0);
      for (const Counters* counters : counters_) {
        counters->add_row_to(metric.id, row, sums);
      }
      collect_row(metric, row, sums, family);
    }
  }

  void collect_row(const Descriptor& metric, size_t row, std::span<const uint64_t> sums,
                   MetricFamily& family) const {
    const size_t each = counters_.front()->cells_each(metric.id);
    const std::array<Label, 4> by = dimensions(metric.id);
    // No configuration names "other": it is exported only once it has counted something.
    const bool unasked = LabelSets::grows(by[0]) && row == LabelSets::kOther;
    // No client uses all commands.
    const bool whole = by[1] == Label::None && by[0] != Label::Command && !unasked;
    for (size_t at = 0; at < sums.size(); at += each) {
      const std::span<const uint64_t> cells = sums.subspan(at, each);
      if (!whole && std::all_of(cells.begin(), cells.end(), [](uint64_t n) { return n == 0; })) {
        continue;
      }
      ClientMetric& line = family.metric.emplace_back();
      add_labels(metric.id, row, at / each, line);
      if (metric.type == Type::Histogram) {
        set_histogram(line, bounds_us(metric.buckets), cells);
      } else {
        // A gauge may be raised by one worker's cell and lowered by another's: only the sum counts.
        set_value(line, metric.type, static_cast<double>(static_cast<int64_t>(cells[0])));
      }
    }
  }

  // Undoes the arithmetic of Counters: the last dimension varies fastest.
  void add_labels(Metric metric, size_t row, size_t combination, ClientMetric& line) const {
    const std::array<Label, 4> by = dimensions(metric);
    std::array<size_t, 4> values{row};
    for (size_t i = by.size() - 1; i > 0; --i) {
      if (by[i] != Label::None) {
        values[i] = combination % labels_.width(by[i]);
        combination /= labels_.width(by[i]);
      }
    }
    for (size_t i = 0; i < by.size() && by[i] != Label::None; ++i) {
      if (by[i] == Label::Server) {
        add_label(Label::Backend, labels_.backend_of(values[i]), line);
      }
      add_label(by[i], values[i], line);
    }
  }

  void add_label(Label label, size_t value, ClientMetric& line) const {
    line.label.push_back({name_of(label), labels_.values(label)[value]});
  }

  void collect_samples(std::vector<MetricFamily>& families) const {
    std::vector<Sample> samples;
    source_.sample(samples);
    for (Sample& sample : samples) {
      const Descriptor& metric = descriptor(sample.metric);
      check(metric.sampled, "what is sampled is not counted");
      ClientMetric& line = families[static_cast<size_t>(sample.metric)].metric.emplace_back();
      size_t count = 0;
      for (; count < metric.labels.size() && metric.labels[count] != Label::None; ++count) {
        check(count < sample.label_values.size(), "a sample has all its labels");
        line.label.push_back(
            {name_of(metric.labels[count]), std::move(sample.label_values[count])});
      }
      check(count == sample.label_values.size(), "a sample has no more labels than its metric");
      set_value(line, metric.type, sample.value);
    }
  }

  const LabelSets& labels_;
  const std::vector<const Counters*> counters_;
  SampleSource& source_;
};

Exporter::Exporter(const LabelSets& labels, std::vector<const Counters*> counters,
                   SampleSource& source)
    : collector_(std::make_unique<Collector>(labels, std::move(counters), source)) {}

Exporter::~Exporter() = default;

std::string Exporter::text(Format format) {
  if (format == Format::OpenMetrics) {
    return open_metrics(collector_->Collect());
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, collector_->Collect());
  return std::move(out).str();
}

}  // namespace postern::metrics
