// What this process may use: processors, by its affinity and the quota of its control groups, and
// memory, by their limit. A container's limits are those of its control groups. Any thread.
//
// A quota is the least of all groups from that of `membership`, the text of /proc/self/cgroup, up
// to `mount` (cgroups(7); version 2 and 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace postern::config {

// At least 1.
size_t usable_processors();
// In bytes; UINT64_MAX if no control group limits it.
uint64_t usable_memory();

// In whole processors, rounded up; SIZE_MAX if there is none.
size_t processor_quota(const std::string& membership, const std::string& mount);
// In bytes; UINT64_MAX if there is none.
uint64_t memory_quota(const std::string& membership, const std::string& mount);
// The warning for the operator if the kernel would kill the process before it comes to `limit`
// (limits.memory; 0: none); empty if all is well.
std::string judge_memory_limit(uint64_t limit, uint64_t quota);

}  // namespace postern::config
