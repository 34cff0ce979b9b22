// The part of `postern check --preflight` and of `postern probe --config` that asks the servers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metrics/label_sets.h"
#include "proxy/backend/preflight.h"
#include "proxy/check/check.h"
#include "proxy/pool/pool.h"

namespace postern {

// Of each address of each server. `pools` must be the last reference to them.
std::vector<ServerFinding> run_preflight(std::vector<std::shared_ptr<Pool>> pools,
                                         const metrics::LabelSets& labels, uint64_t timeout_ms);
std::string place_of(const ServerFinding& finding);  // "backends.legacy: mail:143 (192.0.2.1:143)"

// `pools` must be the last reference to them. Adds to `report` a line for each address that
// sessions can use, and a finding for each other.
void ask_servers(std::vector<std::shared_ptr<Pool>> pools, const metrics::LabelSets& labels,
                 uint64_t timeout_ms, CheckReport& report);

}  // namespace postern
