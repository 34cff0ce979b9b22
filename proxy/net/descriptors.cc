#include "proxy/net/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace postern::net {

namespace {

size_t limit_of_now() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::min<rlim_t>(limit.rlim_cur, INT_MAX);
}

}  // namespace

int descriptors_for_peers() {
  const size_t limit = limit_of_now();
  return static_cast<int>(limit - descriptors_kept(limit));
}

size_t descriptors_for_admin() {
  return descriptors_kept(limit_of_now()) * 2 / 3;
}

bool descriptors_are_short() {
  const int fd = open("/", O_PATH | O_CLOEXEC);
  if (fd < 0) {
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
  }
  close(fd);
  return false;
}

}  // namespace postern::net
