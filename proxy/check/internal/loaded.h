// A configuration with all that its files hold, as the process would use it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "metrics/label_sets.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "proxy/pool/pool.h"
#include "proxy/session/make_label_sets.h"
#include "proxy/snapshot/snapshot.h"

namespace postern {

struct Loaded {
  Materials materials;
  metrics::LabelSets labels;
  std::vector<std::shared_ptr<Pool>> pools;
};

inline Result<std::unique_ptr<Loaded>> load_whole(Config config) {
  auto materials = Materials::load(std::move(config), nullptr);
  if (!materials) {
    return materials.faults();
  }
  metrics::LabelSets labels = make_label_sets(*materials.value().config);
  auto snapshots = Snapshot::make(materials.value(), labels, 1);
  if (!snapshots) {
    return snapshots.faults();
  }
  return std::make_unique<Loaded>(Loaded{.materials = std::move(materials.value()),
                                         .labels = std::move(labels),
                                         .pools = std::move(snapshots.value()[0]->pools)});
}

}  // namespace postern
