// A map of a million users: how long it takes to load, how much memory it takes, and what it takes
// to find one. Fails beyond 2 s of processor time or 100 MB.
//
//   bench_user_map [USERS]
#include "proxy/users/user_map.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

constexpr double kMostSeconds = 2.0;
constexpr double kMostMb = 100.0;

double processor_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double peak_mb() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) * 1024 / 1e6;
}

std::string name_of(size_t user) {
  return "first.last" + std::to_string(user) + "@mail.example.org";
}

bool write_map(const char* path, size_t users) {
  std::FILE* file = std::fopen(path, "we");
  if (file == nullptr) {
    return false;
  }
  for (size_t i = 0; i < users; ++i) {
    std::fprintf(file, "%s %s\n", name_of(i).c_str(), i % 2 == 0 ? "old" : "new");
  }
  return std::fclose(file) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t users = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  char path[] = "/tmp/postern-users-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0 || close(fd) != 0 || !write_map(path, users)) {
    std::perror(path);
    return EXIT_FAILURE;
  }
  const double before_mb = peak_mb();
  const double begin_s = processor_s();
  const auto map = postern::UserMap::load(path, "", {"old", "new"});
  const double load_s = processor_s() - begin_s;
  unlink(path);
  if (!map) {
    std::fprintf(stderr, "%s\n", map.faults().front().text().c_str());
    return EXIT_FAILURE;
  }
  const double load_mb = peak_mb() - before_mb;
  const double found_s = processor_s();
  size_t wrong = 0;
  for (size_t i = 0; i < users; ++i) {
    wrong += map.value()->find(name_of(i)) == i % 2 ? 0 : 1;
  }
  std::printf(
      "%zu users: %.2f s of processor time and at most %.0f MB to load, %.0f ns to find one\n",
      map.value()->size(), load_s, load_mb,
      (processor_s() - found_s) * 1e9 / static_cast<double>(users));
  return wrong == 0 && load_s < kMostSeconds && load_mb < kMostMb ? EXIT_SUCCESS : EXIT_FAILURE;
}
