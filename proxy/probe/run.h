// A whole probe, from the request to its record: what `postern probe` runs. Sets up its own loop.
#pragma once

#include "proxy/base/result.h"
#include "proxy/probe/probe.h"

namespace postern::probe {

// Faults: an unreadable CA file.
Result<Record> run(const Request& request);

}  // namespace postern::probe
