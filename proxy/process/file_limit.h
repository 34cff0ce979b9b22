// The limit of open files (RLIMIT_NOFILE): main thread.
#pragma once

#include <cstddef>

#include "proxy/config/config.h"

namespace postern {

// Raises it as far as the system allows. Returns how many sessions it has room for, each with a
// client and a server, and warns if `limits.sessions` is more.
size_t raise_file_limit(const Config& config);

}  // namespace postern
