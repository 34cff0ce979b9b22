// The label values that counters are indexed by: the rooms' own name tables, put into the sets of
// metrics/. Made once, before the workers start.
#pragma once

#include "metrics/label_sets.h"
#include "proxy/config/config.h"

namespace postern {

metrics::LabelSets make_label_sets(const Config& config);

}  // namespace postern
