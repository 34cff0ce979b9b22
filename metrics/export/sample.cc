#include "metrics/export/sample.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

namespace postern::metrics {
namespace {

// Fields of /proc/self/stat by their numbers in proc(5). Parsing starts after the name (2), the
// only one that may contain spaces and brackets.
struct Stat {
  double cpu_ticks = 0;       // utime (14) + stime (15)
  double start_ticks = 0;     // (22), since boot
  double virtual_bytes = 0;   // (23)
  double resident_pages = 0;  // (24)
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  rest >> state;  // (3), the only one that is not a number
  std::array<double, 25> fields{};
  for (size_t i = 4; i < fields.size(); ++i) {
    rest >> fields[i];
  }
  if (!rest) {
    return std::nullopt;
  }
  return Stat{fields[14] + fields[15], fields[22], fields[23], fields[24]};
}

// Unix time of the machine's start: the "btime" line of /proc/stat.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    double seconds = 0;
    if (words >> key >> seconds && key == "btime") {
      return seconds;
    }
  }
  return std::nullopt;
}

std::optional<double> open_fds() {
  // Linux 6.2 and later report the number as the size; counting a hundred thousand entries takes
  // long.
  struct stat directory {};
  if (stat("/proc/self/fd", &directory) == 0 && directory.st_size > 0) {
    return static_cast<double>(directory.st_size);
  }
  std::error_code failed;
  std::filesystem::directory_iterator entry("/proc/self/fd", failed);
  double count = -1;  // the directory itself is open while it is read
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    ++count;
  }
  return failed ? std::nullopt : std::optional(count);
}

}  // namespace

void sample_process(std::vector<Sample>& into) {
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_size = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (const std::optional<Stat> stat = read_stat()) {
    into.push_back({Metric::ProcessCpuSeconds, {}, stat->cpu_ticks / ticks_per_second});
    into.push_back({Metric::ProcessResidentMemory, {}, stat->resident_pages * page_size});
    into.push_back({Metric::ProcessVirtualMemory, {}, stat->virtual_bytes});
    if (const std::optional<double> boot = boot_time()) {
      const double started = *boot + stat->start_ticks / ticks_per_second;
      into.push_back({Metric::ProcessStartTime, {}, started});
    }
  }
  if (const std::optional<double> count = open_fds()) {
    into.push_back({Metric::ProcessOpenFds, {}, *count});
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    into.push_back({Metric::ProcessMaxFds, {}, static_cast<double>(limit.rlim_cur)});
  }
}

}  // namespace postern::metrics
