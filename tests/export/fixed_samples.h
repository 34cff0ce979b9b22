// A source that gives the samples of a test.
#pragma once

#include <utility>
#include <vector>

#include "metrics/export/sample.h"

namespace postern::metrics {

class FixedSamples final : public SampleSource {
 public:
  explicit FixedSamples(std::vector<Sample> samples = {}) : samples_(std::move(samples)) {}
  void sample(std::vector<Sample>& into) override {
    into.insert(into.end(), samples_.begin(), samples_.end());
  }

 private:
  std::vector<Sample> samples_;
};

}  // namespace postern::metrics
