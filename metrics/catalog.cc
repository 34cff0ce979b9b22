#include "metrics/catalog.h"

#include "metrics/label_value.h"

namespace postern::metrics {
namespace {

constexpr bool in_order_of_the_enum() {
  for (size_t i = 0; i < kCatalog.size(); ++i) {
    if (kCatalog[i].id != static_cast<Metric>(i) || kCatalog[i].name == nullptr) {
      return false;
    }
  }
  return true;
}
static_assert(in_order_of_the_enum());

// Counters has a row of cells for each value of the first dimension, and only that one may grow.
constexpr bool only_first_dimension_grows() {
  for (const Descriptor& metric : kCatalog) {
    const std::array<Label, 4> labels = dimensions(metric.id);
    for (size_t i = 1; i < labels.size() && !metric.sampled; ++i) {
      if (labels[i] == Label::Backend || labels[i] == Label::Server) {
        return false;
      }
    }
  }
  return true;
}
static_assert(only_first_dimension_grows());

// Exporter leaves out the zeros of metrics with more dimensions (and of a few values of the first
// one, see there): right for counters, but a gauge must show that it fell back to 0.
constexpr bool counted_gauges_have_one_dimension() {
  for (const Descriptor& metric : kCatalog) {
    if (metric.type != Type::Counter && !metric.sampled &&
        dimensions(metric.id)[1] != Label::None) {
      return false;
    }
  }
  return true;
}
static_assert(counted_gauges_have_one_dimension());

constexpr std::array<uint64_t, 18> kFineUs{
    100,     250,     500,     1'000,     2'500,     5'000,     10'000,     25'000,     50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000,
};

constexpr std::array<uint64_t, 6> kCoarseUs{5'000, 25'000, 100'000, 500'000, 2'500'000, 10'000'000};

std::string label_list(const Descriptor& metric) {
  std::string list;
  for (const Label label : metric.labels) {
    if (label == Label::None) {
      break;
    }
    list += list.empty() ? "`" : ", `";
    list += name_of(label);
    list += '`';
  }
  return list;
}

}  // namespace

std::span<const uint64_t> bounds_us(Buckets buckets) {
  return buckets == Buckets::Fine ? std::span<const uint64_t>(kFineUs) : kCoarseUs;
}

std::string catalog_markdown() {
  std::string table = "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n";
  for (const Descriptor& metric : kCatalog) {
    table += "| `";
    table += metric.name;
    table += "` | ";
    table += name_of(metric.type);
    table += " | ";
    table += label_list(metric);
    table += " | ";
    table += metric.help;
    table += " |\n";
  }
  return table;
}

}  // namespace postern::metrics
