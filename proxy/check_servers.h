// The part of `postern check --preflight` that asks the servers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "metrics/label_sets.h"
#include "proxy/check.h"
#include "proxy/pool/pool.h"

namespace postern {

// `pools` must be the last reference to them. Adds to `report` a line for each address that
// sessions can use, and a finding for each other.
void ask_servers(std::vector<std::shared_ptr<Pool>> pools, const metrics::LabelSets& labels,
                 uint64_t timeout_ms, CheckReport& report);

}  // namespace postern
