// Counters: one thread's figures. One writer, relaxed loads and stores, no read-modify-write and no
// lock; the exporter sums the figures of all threads at a scrape. A metric and the indices of its
// label values (see LabelSets) give the cell, so counting is arithmetic and one store.
//
// Cells live in rows, one for each value of a metric's first dimension, allocated when first
// counted in: a backend that no configuration names costs a null pointer. Rows are whole cache
// lines, so that no two threads' cells share one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "metrics/catalog.h"
#include "metrics/label_sets.h"
#include "metrics/label_value.h"

namespace postern::metrics {

class Cell {
 public:
  void add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(uint64_t n) { add(~n + 1); }  // gauges only
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Counters {
 public:
  // The cells of one combination of a histogram's label values; may be kept for the life of the
  // Counters. For the writer only.
  class Histogram {
   public:
    void observe(uint64_t microseconds) {
      size_t bucket = 0;  // a bound belongs to its bucket: Prometheus' "le" is less or equal
      while (bucket < bounds_.size() && microseconds > bounds_[bucket]) {
        ++bucket;
      }
      cells_[bucket].add(1);
      cells_[bounds_.size() + 1].add(microseconds);
    }

   private:
    friend class Counters;
    Histogram(Cell* cells, std::span<const uint64_t> bounds) : cells_(cells), bounds_(bounds) {}

    Cell* cells_;
    std::span<const uint64_t> bounds_;
  };

  // All fixed labels in `labels` must be defined. `labels` may grow afterwards and need not outlive
  // *this.
  explicit Counters(const LabelSets& labels);
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;
  ~Counters();

  // The cell of a counter or gauge; may be kept for the life of *this. The values are those of
  // dimensions(M), in order: a Server stands for its Backend too. Only the writer may call it.
  template <Metric M, typename... Values>
  requires CountedBy<M, Values...> Cell& cell(Values... values) {
    return cell_at(M, {index(values)...});
  }
  template <Metric M, typename... Values>
  requires CountedBy<M, Values...>
  void count(Values... values) { cell<M>(values...).add(1); }
  template <Metric M, typename... Values>
  requires CountedBy<M, Values...>
  void add(uint64_t n, Values... values) { cell<M>(values...).add(n); }
  template <Metric M, typename... Values>
  requires ObservedBy<M, Values...> Histogram histogram(Values... values) {
    return histogram_at(M, {index(values)...});
  }
  // One observation of a histogram, in microseconds. Only the writer may call it.
  template <Metric M, typename... Values>
  requires ObservedBy<M, Values...>
  void observe(uint64_t microseconds, Values... values) {
    histogram<M>(values...).observe(microseconds);
  }
  // The same by indices, for callers that know the metric only at run time. A wrong index is a
  // broken invariant.
  Cell& cell_at(Metric metric, std::initializer_list<size_t> label_values);
  Histogram histogram_at(Metric metric, std::initializer_list<size_t> label_values);

  // Reading, from any thread. A row holds all combinations of the other dimensions, the last one
  // varying fastest; a combination of a histogram has a cell for each bucket, one for values above
  // the last bound, and one for the sum in microseconds.
  size_t cells_each(Metric metric) const { return layout(metric).cells_each; }
  size_t row_size(Metric metric) const { return layout(metric).row_size; }
  void add_row_to(Metric metric, size_t row, std::span<uint64_t> sums) const;

 private:
  struct Layout {
    std::array<size_t, 4> widths{1, 1, 1, 1};  // of the dimensions
    size_t dimensions = 0;
    size_t cells_each = 1;  // by one combination of label values
    size_t row_size = 0;    // in cells
    size_t first_row = 0;   // in rows_
  };

  const Layout& layout(Metric metric) const { return layouts_[static_cast<size_t>(metric)]; }
  // The first cell of a combination.
  Cell* cells(const Layout& layout, std::initializer_list<size_t> label_values);

  std::array<Layout, kCountOf<Metric>> layouts_;
  std::vector<std::atomic<Cell*>> rows_;  // each owned, and set once, by the writer
};

// Raises a gauge by one for its own lifetime: a gauge that cannot leak.
class [[nodiscard]] ScopedGauge {
 public:
  ScopedGauge() = default;
  explicit ScopedGauge(Cell& cell) : cell_(&cell) { cell.add(1); }
  ScopedGauge(ScopedGauge&& other) noexcept : cell_(other.cell_) { other.cell_ = nullptr; }
  ScopedGauge& operator=(ScopedGauge&& other) noexcept {
    if (this != &other) {
      release();
      cell_ = other.cell_;
      other.cell_ = nullptr;
    }
    return *this;
  }
  ~ScopedGauge() { release(); }
  void release() {
    if (cell_ != nullptr) {
      cell_->subtract(1);
      cell_ = nullptr;
    }
  }
  bool held() const { return cell_ != nullptr; }

 private:
  Cell* cell_ = nullptr;
};

}  // namespace postern::metrics
