// `postern probe --config`: both hops of one's own gateway. Each listener is looked at as a client
// would from this machine, each server as the gateway would (`check --preflight`).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "proxy/probe/judge.h"
#include "proxy/probe/probe.h"
#include "proxy/probe/record.h"

namespace postern {

struct ListenerReport {
  probe::Record record;
  std::vector<probe::Finding> findings;
};

inline constexpr size_t kMostNames = 8;

struct GatewayReport {
  std::vector<ListenerReport> listeners;  // in the order of the configuration, by each name
  size_t names_left_out = 0;              // certificates beyond kMostNames
  std::vector<probe::Finding> servers;    // what keeps sessions from them
  std::vector<std::string> usable;        // servers that have no finding
};

// Of `like`, all but the target is for each listener; without a name each is asked for the first
// name of each of the gateway's own certificates. Faults: those for which serving would not start.
Result<GatewayReport> probe_gateway(Config config, const probe::Request& like);

probe::Grade grade_of(const GatewayReport& report);
std::string gateway_text(const GatewayReport& report, bool colours);
std::string gateway_json(const GatewayReport& report);  // docs/probe.md describes it

}  // namespace postern
