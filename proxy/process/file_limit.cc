#include "proxy/process/file_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <climits>

#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"

namespace postern {

void raise_file_limit(const Config& config) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // Two descriptors per session, those that the process itself has open, and the reserve.
  const rlim_t own = 64 + config.workers * (config.listeners.size() + 8) +
                     net::descriptors_kept(std::min<rlim_t>(limit.rlim_max, INT_MAX));
  const rlim_t needed = 2 * config.limits.sessions + own;
  if (limit.rlim_max < needed) {
    log::warn("file descriptors may run out before limits.sessions is reached",
              {{"limit", limit.rlim_max},
               {"needed", needed},
               {"sessions_possible", limit.rlim_max > own ? (limit.rlim_max - own) / 2 : 0},
               {"advice", net::kMoreDescriptors}});
  }
}

}  // namespace postern
