// Exporter: sums the threads' counters on demand and prints them. Main thread only; it reads the
// workers' counters as relaxed atomics. `labels`, all `counters` and `source` must outlive *this.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "metrics/export/exposition.h"
#include "metrics/export/sample.h"
#include "metrics/label_sets.h"

namespace postern::metrics {

class Exporter {
 public:
  Exporter(const LabelSets& labels, std::vector<const Counters*> counters, SampleSource& source);
  ~Exporter();
  // Gives metrics with at most one dimension whole, zeros included, so that rate() sees the first
  // event, but for Label::Command and the "other" of labels that grow; of those and of all the rest
  // only cells that have counted, or handshakes alone would be a thousand lines. A sample with the
  // wrong number of labels is a bug of ours.
  std::string text(Format format);

 private:
  class Collector;
  std::unique_ptr<Collector> collector_;
};

}  // namespace postern::metrics
