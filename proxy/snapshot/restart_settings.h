// The settings that only a new process can change. Main thread.
#pragma once

#include "proxy/config/config.h"

namespace postern {

// At a reload they stay in `wanted` as they are in `current`, and the log names those that differ.
void keep_what_needs_a_restart(Config& wanted, const Config& current);

}  // namespace postern
