#include "proxy/config/control_groups.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>

namespace postern::config {
namespace {

constexpr const char* kMembership = "/proc/self/cgroup";
constexpr const char* kMount = "/sys/fs/cgroup";

size_t affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<size_t>(CPU_COUNT(&set)) : 1;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

size_t rounded_up(int64_t quota_us, int64_t period_us) {
  if (quota_us <= 0 || period_us <= 0) {
    return SIZE_MAX;
  }
  return static_cast<size_t>((quota_us + period_us - 1) / period_us);
}

// "200000 100000" or "max 100000".
size_t quota_v2(const std::string& group) {
  std::istringstream text(read_all(group + "/cpu.max"));
  int64_t quota_us = 0;
  int64_t period_us = 0;
  return text >> quota_us >> period_us ? rounded_up(quota_us, period_us) : SIZE_MAX;
}

// -1: no limit.
size_t quota_v1(const std::string& group) {
  std::istringstream quota(read_all(group + "/cpu.cfs_quota_us"));
  std::istringstream period(read_all(group + "/cpu.cfs_period_us"));
  int64_t quota_us = 0;
  int64_t period_us = 0;
  return quota >> quota_us && period >> period_us ? rounded_up(quota_us, period_us) : SIZE_MAX;
}

// Version 1 says "none" by a number that no machine has.
uint64_t bytes_of(uint64_t limit) {
  constexpr uint64_t kNone = uint64_t{1} << 60;
  return limit < kNone ? limit : UINT64_MAX;
}

// A number, or "max".
uint64_t memory_v2(const std::string& group) {
  std::istringstream text(read_all(group + "/memory.max"));
  uint64_t limit = 0;
  return text >> limit ? bytes_of(limit) : UINT64_MAX;
}

uint64_t memory_v1(const std::string& group) {
  std::istringstream text(read_all(group + "/memory.limit_in_bytes"));
  uint64_t limit = 0;
  return text >> limit ? bytes_of(limit) : UINT64_MAX;
}

// The least of a group and those around it. In a container the path may be that of the host, whose
// groups are not to be seen here: then only the mount itself says something.
template <typename Quota>
auto least(const std::string& mount, std::string path, Quota quota) {
  auto all = quota(mount);
  while (path.size() > 1) {
    all = std::min(all, quota(mount + path));
    path.erase(path.rfind('/'));
  }
  return all;
}

// Whether `name` is one of the controllers in "cpu,cpuacct".
bool has(const std::string& controllers, const std::string& name) {
  std::istringstream text(controllers);
  std::string one;
  while (std::getline(text, one, ',')) {
    if (one == name) {
      return true;
    }
  }
  return false;
}

// Each line of `membership` is ID:CONTROLLERS:PATH; version 2 has no controllers.
template <typename V2, typename V1>
auto least_of_all(const std::string& membership, const std::string& mount,
                  const std::string& controller, V2 of_v2, V1 of_v1) {
  auto all = std::numeric_limits<decltype(of_v2(mount))>::max();
  std::istringstream lines(membership);
  std::string id;
  std::string controllers;
  std::string path;
  while (std::getline(lines, id, ':') && std::getline(lines, controllers, ':') &&
         std::getline(lines, path)) {
    if (controllers.empty()) {
      all = std::min(all, least(mount, path, of_v2));
    } else if (has(controllers, controller)) {
      all = std::min(all, least((mount + "/").append(controllers), path, of_v1));
    }
  }
  return all;
}

}  // namespace

size_t processor_quota(const std::string& membership, const std::string& mount) {
  return least_of_all(membership, mount, "cpu", quota_v2, quota_v1);
}

uint64_t memory_quota(const std::string& membership, const std::string& mount) {
  return least_of_all(membership, mount, "memory", memory_v2, memory_v1);
}

std::string judge_memory_limit(uint64_t limit, uint64_t quota) {
  const uint64_t most = quota / 5 * 4;  // what the limit does not count comes on top
  if (quota == UINT64_MAX || (limit != 0 && limit <= most)) {
    return "";
  }
  return "the control group (MemoryMax of a unit, limits.memory of a container) allows " +
         std::to_string(quota >> 20) + "MiB, and this setting " +
         (limit == 0 ? "is absent" : "is " + std::to_string(limit >> 20) + "MiB") +
         ": under load the kernel would kill postern; set it to " + std::to_string(most >> 20) +
         "MiB or less";
}

size_t usable_processors() {
  const size_t quota = processor_quota(read_all(kMembership), kMount);
  return std::max<size_t>(std::min(affinity(), quota), 1);
}

uint64_t usable_memory() {
  return memory_quota(read_all(kMembership), kMount);
}

}  // namespace postern::config
