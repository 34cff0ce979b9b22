// The label values that counters are indexed by: the rooms' own name tables, put into the sets of
// metrics/. Made once, before the workers start.
#pragma once

#include "metrics/label_sets.h"
#include "proxy/config.h"

namespace postern {

// Indices of Label::Hop, Label::Direction, Label::Result and of success in Label::ConnectResult.
inline constexpr size_t kHopClient = 0;
inline constexpr size_t kHopBackend = 1;
inline constexpr size_t kDirectionIn = 0;
inline constexpr size_t kDirectionOut = 1;
inline constexpr size_t kResultSuccess = 0;
inline constexpr size_t kResultError = 1;
inline constexpr size_t kConnectSuccess = 0;

metrics::LabelSets make_label_sets(const Config& config);

}  // namespace postern
