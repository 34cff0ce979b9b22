// The limit of open files (RLIMIT_NOFILE): main thread.
#pragma once

#include "proxy/config/config.h"

namespace postern {

// Raises it as far as the system allows, and warns if `limits.sessions` may not fit.
void raise_file_limit(const Config& config);

}  // namespace postern
