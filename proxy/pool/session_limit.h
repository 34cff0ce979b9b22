// How many sessions a backend can have at one time, and which limit that is. Pure functions; any
// thread.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace postern {

struct SessionLimit {
  size_t sessions = 0;
  const char* by = "";  // the setting that holds: "limits.sessions", "max_sessions", "local ports"
  size_t per_address = 0;  // sessions toward one address of a server, by local ports; 0: unknown
};

// `local_ports` are those of one address of ours toward one of a server's; 0: unknown. A name
// counts as one address.
SessionLimit session_limit(const Config& config, const BackendConfig& backend, size_t local_ports);

// "at most 28232 sessions, by local ports (28232 toward each address of a server)"
std::string describe(const SessionLimit& limit);

// A warning for each source that is no address of this machine.
Faults find_foreign_sources(const Config& config);

}  // namespace postern
