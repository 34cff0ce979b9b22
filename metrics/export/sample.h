// Sample: a figure that is not counted but read at a scrape: when a certificate expires, build
// info, readiness, what the kernel reports about the process.
#pragma once

#include <string>
#include <vector>

#include "metrics/catalog.h"

namespace postern::metrics {

struct Sample {
  Metric metric;
  std::vector<std::string> label_values;  // in the order of the descriptor's labels
  double value;
};

// Gives the samples. Called on the thread that scrapes.
class SampleSource {
 public:
  virtual void sample(std::vector<Sample>& into) = 0;

 protected:
  ~SampleSource() = default;
};

// The standard process_* figures from /proc/self. What cannot be read is left out. Any thread.
void sample_process(std::vector<Sample>& into);

}  // namespace postern::metrics
