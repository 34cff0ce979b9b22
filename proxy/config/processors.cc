#include "proxy/config/processors.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>

namespace postern::config {
namespace {

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

// The least of a group and those around it. In a container the path may be that of the host, whose
// groups are not to be seen here: then only the mount itself says something.
template <typename Quota>
size_t least(const std::string& mount, std::string path, Quota quota) {
  size_t all = quota(mount);
  while (path.size() > 1) {
    all = std::min(all, quota(mount + path));
    path.erase(path.rfind('/'));
  }
  return all;
}

// Whether "cpu" is one of the controllers in "cpu,cpuacct".
bool has_cpu(const std::string& controllers) {
  std::istringstream text(controllers);
  std::string one;
  while (std::getline(text, one, ',')) {
    if (one == "cpu") {
      return true;
    }
  }
  return false;
}

}  // namespace

// Each line is ID:CONTROLLERS:PATH; version 2 has no controllers.
size_t processor_quota(const std::string& membership, const std::string& mount) {
  size_t all = SIZE_MAX;
  std::istringstream lines(membership);
  std::string id;
  std::string controllers;
  std::string path;
  while (std::getline(lines, id, ':') && std::getline(lines, controllers, ':') &&
         std::getline(lines, path)) {
    if (controllers.empty()) {
      all = std::min(all, least(mount, path, quota_v2));
    } else if (has_cpu(controllers)) {
      all = std::min(all, least((mount + "/").append(controllers), path, quota_v1));
    }
  }
  return all;
}

size_t usable_processors() {
  const size_t quota = processor_quota(read_all("/proc/self/cgroup"), "/sys/fs/cgroup");
  return std::max<size_t>(std::min(affinity(), quota), 1);
}

}  // namespace postern::config
