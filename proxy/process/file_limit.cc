#include "proxy/process/file_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <climits>

#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"

namespace postern {

size_t raise_file_limit(const Config& config) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // Two descriptors per session, those that the process itself has open, and the reserve.
  const rlim_t own = 64 + config.workers * (config.listeners.size() + 8) +
                     net::descriptors_kept(std::min<rlim_t>(limit.rlim_max, INT_MAX));
  constexpr size_t kAtLeast = 8;  // however low the limit is
  const size_t possible =
      std::max<size_t>(limit.rlim_max > own ? (limit.rlim_max - own) / 2 : 0, kAtLeast);
  if (possible < config.limits.sessions) {
    log::warn("file descriptors allow fewer sessions than limits.sessions",
              {{"limit", limit.rlim_max},
               {"needed", 2 * config.limits.sessions + own},
               {"sessions_possible", possible},
               {"advice", net::kMoreDescriptors}});
  }
  return possible;
}

}  // namespace postern
