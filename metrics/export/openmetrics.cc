#include "metrics/export/openmetrics.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

namespace postern::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";
constexpr std::array<std::string_view, 3> kUnits{"seconds", "bytes", "ratio"};

std::string_view type_of(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "unknown";
  }
}

// The name of a counter's family has no suffix; its sample's name has.
std::string_view family_name(const MetricFamily& family) {
  std::string_view name = family.name;
  if (family.type == MetricType::Counter && name.ends_with(kTotal)) {
    name.remove_suffix(kTotal.size());
  }
  return name;
}

std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : kUnits) {
    if (name.size() > unit.size() && name.ends_with(unit) &&
        name[name.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

class Writer {
 public:
  void family(const MetricFamily& family) {
    const std::string_view name = family_name(family);
    about("TYPE", name, type_of(family.type));
    if (const std::string_view unit = unit_of(name); !unit.empty()) {
      about("UNIT", name, unit);
    }
    about("HELP", name, family.help);
    for (const ClientMetric& metric : family.metric) {
      if (family.type == MetricType::Histogram) {
        histogram(name, metric);
      } else if (family.type == MetricType::Counter) {
        sample(name, kTotal, metric, metric.counter.value);
      } else {
        sample(name, {}, metric, metric.gauge.value);
      }
    }
  }

  std::string end() {
    out_.append("# EOF\n");
    return std::move(out_);
  }

 private:
  void about(std::string_view what, std::string_view name, std::string_view text) {
    out_.append("# ").append(what).append(" ").append(name).append(" ");
    escaped(text);
    out_.push_back('\n');
  }

  // `bound`: the value of `le`, or empty.
  template <typename Number>
  void sample(std::string_view name, std::string_view suffix, const ClientMetric& metric,
              Number value, std::string_view bound = {}) {
    out_.append(name).append(suffix);
    char before = '{';
    for (const ClientMetric::Label& label : metric.label) {
      put_label(before, label.name, label.value);
    }
    if (!bound.empty()) {
      put_label(before, "le", bound);
    }
    out_.append(before == ',' ? "} " : " ");
    number(value);
    out_.push_back('\n');
  }

  void histogram(std::string_view name, const ClientMetric& metric) {
    for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      sample(name, "_bucket", metric, bucket.cumulative_count, canonical(bucket.upper_bound));
    }
    sample(name, "_bucket", metric, metric.histogram.sample_count, "+Inf");
    sample(name, "_count", metric, metric.histogram.sample_count);
    sample(name, "_sum", metric, metric.histogram.sample_sum);
  }

  void put_label(char& before, std::string_view name, std::string_view value) {
    out_.push_back(before);
    before = ',';
    out_.append(name).append("=\"");
    escaped(value);
    out_.push_back('"');
  }

  void escaped(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        out_.append("\\n");
        continue;
      }
      if (c == '"' || c == '\\') {
        out_.push_back('\\');
      }
      out_.push_back(c);
    }
  }

  template <typename Number>
  void number(Number value) {
    std::array<char, 32> text{};
    const auto done = std::to_chars(text.data(), text.data() + text.size(), value);
    out_.append(text.data(), done.ptr);
  }

  // As Go prints a float, with ".0" after a whole number, so that all exporters write one bound in
  // one way.
  static std::string canonical(double bound) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.15g", bound);
    std::string canonical(text.data());
    if (canonical.find_first_of(".e") == std::string::npos) {
      canonical.append(".0");
    }
    return canonical;
  }

  std::string out_;
};

}  // namespace

std::string open_metrics(const std::vector<MetricFamily>& families) {
  Writer writer;
  for (const MetricFamily& family : families) {
    writer.family(family);
  }
  return writer.end();
}

}  // namespace postern::metrics
