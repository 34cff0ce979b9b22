// Label sets for tests that count.
#pragma once

#include <array>

#include "metrics/catalog.h"
#include "metrics/label_sets.h"

namespace postern::metrics {

// Two values for every fixed label that the catalogue counts by and that `labels` does not define.
inline LabelSets complete_labels(LabelSets labels = {}) {
  static constexpr std::array kTwo{"first", "second"};
  for (const Descriptor& metric : catalog()) {
    for (const Label label : metric.sampled ? std::array<Label, 4>{} : dimensions(metric.id)) {
      if (label == Label::None || LabelSets::grows(label) || !labels.values(label).empty()) {
        continue;
      }
      labels.define(label, kTwo);
    }
  }
  return labels;
}

}  // namespace postern::metrics
