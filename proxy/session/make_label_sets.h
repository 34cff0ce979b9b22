// The label values that counters are indexed by: the rooms' own name tables, put into the sets of
// metrics/. Made once, before the workers start; backends and servers have room for twice as many
// as `config` has, for the reloads to come.
#pragma once

#include "metrics/label_sets.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace postern {

metrics::LabelSets make_label_sets(const Config& config);

// A warning for each backend with servers that found no room in `sets`: metrics count these
// together, as "other".
Faults find_unnamed_servers(const Config& config, metrics::LabelSets& sets);

}  // namespace postern
