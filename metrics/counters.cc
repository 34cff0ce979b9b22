#include "metrics/counters.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace postern::metrics {
namespace {

const size_t kHistogramCells = bucket_bounds_us().size() + 2;

}  // namespace

Counters::Counters(const LabelSets& labels) {
  size_t rows = 0;
  for (const Descriptor& metric : catalog()) {
    if (metric.sampled) {
      continue;
    }
    Layout& layout = layouts_[static_cast<size_t>(metric.id)];
    for (const Label label : dimensions(metric.id)) {
      if (label == Label::None) {
        break;
      }
      check(labels.width(label) != 0, "every label is defined before counting begins");
      layout.widths[layout.dimensions++] = labels.width(label);
    }
    layout.cells_each = metric.type == Type::Histogram ? kHistogramCells : 1;
    layout.row_size = layout.widths[1] * layout.widths[2] * layout.widths[3] * layout.cells_each;
    layout.first_row = rows;
    rows += layout.widths[0];
  }
  rows_ = std::vector<std::atomic<Line*>>(rows);
}

Counters::~Counters() {
  for (const std::atomic<Line*>& row : rows_) {
    delete[] row.load(std::memory_order_relaxed);
  }
}

Cell& Counters::cell_at(Metric metric, std::initializer_list<size_t> label_values) {
  const Layout& where = layout(metric);
  check(where.cells_each == 1, "a histogram is observed, not counted");
  return cell(where, label_values, 0);
}

void Counters::observe_at(Metric metric, uint64_t microseconds,
                          std::initializer_list<size_t> label_values) {
  const Layout& where = layout(metric);
  check(where.cells_each == kHistogramCells, "the metric is a histogram");
  const std::span<const uint64_t> bounds = bucket_bounds_us();
  // A bound belongs to its bucket: Prometheus' "le" is less or equal.
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), microseconds) - bounds.begin();
  cell(where, label_values, static_cast<size_t>(bucket)).add(1);
  cell(where, label_values, kHistogramCells - 1).add(microseconds);
}

Cell& Counters::cell(const Layout& layout, std::initializer_list<size_t> label_values,
                     size_t offset) {
  check(layout.row_size != 0, "the metric is counted, not sampled");
  check(label_values.size() == layout.dimensions, "each dimension has one value");
  size_t row = 0;
  size_t combination = 0;
  size_t dimension = 0;
  for (const size_t value : label_values) {
    check(value < layout.widths[dimension], "a label's value is in its set");
    if (dimension == 0) {
      row = value;
    } else {
      combination = combination * layout.widths[dimension] + value;
    }
    ++dimension;
  }
  std::atomic<Line*>& slot = rows_[layout.first_row + row];
  Line* lines = slot.load(std::memory_order_relaxed);  // this thread's own store
  if (lines == nullptr) {
    lines = new Line[(layout.row_size + kCellsPerLine - 1) / kCellsPerLine];
    slot.store(lines, std::memory_order_release);
  }
  const size_t index = combination * layout.cells_each + offset;
  return lines[index / kCellsPerLine].cells[index % kCellsPerLine];
}

void Counters::add_row_to(Metric metric, size_t row, std::span<uint64_t> sums) const {
  const Layout& where = layout(metric);
  check(row < where.widths[0] && sums.size() == where.row_size, "the row is the metric's");
  const Line* lines = rows_[where.first_row + row].load(std::memory_order_acquire);
  if (lines == nullptr) {
    return;
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] += lines[i / kCellsPerLine].cells[i % kCellsPerLine].value();
  }
}

}  // namespace postern::metrics
