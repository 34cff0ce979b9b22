// What the tests of this room share: complete label sets, and a source without samples.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "metrics/admin_http.h"
#include "metrics/catalog.h"
#include "metrics/label_sets.h"
#include "metrics/sample.h"

namespace postern::metrics {

// Two values for every fixed label that the catalogue counts by and that `labels` does not define;
// for Path and Code the real ones.
inline LabelSets complete_labels(LabelSets labels = {}) {
  static constexpr std::array kTwo{"first", "second"};
  for (const Descriptor& metric : catalog()) {
    for (const Label label : metric.sampled ? std::array<Label, 4>{} : dimensions(metric.id)) {
      if (label == Label::None || LabelSets::grows(label) || !labels.values(label).empty()) {
        continue;
      }
      labels.define(label, label == Label::Path   ? AdminHttp::known_paths()
                           : label == Label::Code ? AdminHttp::known_codes()
                                                  : std::span<const char* const>(kTwo));
    }
  }
  return labels;
}

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
