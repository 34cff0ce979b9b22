// Exporter: sums the threads' counters when asked and prints them in Prometheus' text format
// (0.0.4) by prometheus-cpp. Main thread only; what it reads of the workers are relaxed atomics.
// `labels`, all `counters` and `source` must outlive *this.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "metrics/sample.h"

namespace postern::metrics {

class Exporter {
 public:
  Exporter(const LabelSets& labels, std::vector<const Counters*> counters, SampleSource& source);
  ~Exporter();
  // Metrics with at most one dimension are given whole, zeros included, so that rate() sees the
  // first event; of the others the cells that have counted, or handshakes alone would be a thousand
  // lines. Samples that break their descriptor's number of labels are our bug.
  std::string text();

 private:
  class Collector;
  std::unique_ptr<Collector> collector_;
};

}  // namespace postern::metrics
