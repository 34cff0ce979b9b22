#include "metrics/counters.h"

#include <new>

#include "proxy/base/check.h"

namespace postern::metrics {
namespace {

size_t cells_of(const Descriptor& metric) {
  return metric.type == Type::Histogram ? bounds_us(metric.buckets).size() + 2 : 1;
}

constexpr std::align_val_t kLine{64};  // of a processor's cache
constexpr size_t kCellsPerLine = 64 / sizeof(Cell);

Cell* new_row(size_t cells) {
  const size_t whole_lines = (cells + kCellsPerLine - 1) / kCellsPerLine * kCellsPerLine;
  return new (kLine) Cell[whole_lines];
}

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
    layout.cells_each = cells_of(metric);
    layout.row_size = layout.widths[1] * layout.widths[2] * layout.widths[3] * layout.cells_each;
    layout.first_row = rows;
    rows += layout.widths[0];
  }
  rows_ = std::vector<std::atomic<Cell*>>(rows);
}

Counters::~Counters() {
  for (const std::atomic<Cell*>& row : rows_) {
    operator delete[](row.load(std::memory_order_relaxed), kLine);
  }
}

Cell& Counters::cell_at(Metric metric, std::initializer_list<size_t> label_values) {
  check(!is_histogram(metric), "a histogram is observed, not counted");
  return *cells(layout(metric), label_values);
}

Counters::Histogram Counters::histogram_at(Metric metric,
                                           std::initializer_list<size_t> label_values) {
  check(is_histogram(metric), "the metric is a histogram");
  return {cells(layout(metric), label_values), bounds_us(descriptor(metric).buckets)};
}

Cell* Counters::cells(const Layout& layout, std::initializer_list<size_t> label_values) {
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
  std::atomic<Cell*>& slot = rows_[layout.first_row + row];
  Cell* first = slot.load(std::memory_order_relaxed);  // this thread's own store
  if (first == nullptr) {
    first = new_row(layout.row_size);
    slot.store(first, std::memory_order_release);
  }
  return first + combination * layout.cells_each;
}

void Counters::add_row_to(Metric metric, size_t row, std::span<uint64_t> sums) const {
  const Layout& where = layout(metric);
  check(row < where.widths[0] && sums.size() == where.row_size, "the row is the metric's");
  const Cell* const cells = rows_[where.first_row + row].load(std::memory_order_acquire);
  if (cells == nullptr) {
    return;
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] += cells[i].value();
  }
}

}  // namespace postern::metrics
