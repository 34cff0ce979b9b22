// How many processors this process may use: by its affinity, and by the quota of its control
// groups, which a container's CPU limit sets. Any thread.
#pragma once

#include <cstddef>
#include <string>

namespace postern::config {

// At least 1.
size_t usable_processors();

// The quota in whole processors, rounded up; SIZE_MAX if there is none. Of all groups from that of
// `membership`, the text of /proc/self/cgroup, up to `mount` (cgroups(7); version 2 and 1).
size_t processor_quota(const std::string& membership, const std::string& mount);

}  // namespace postern::config
