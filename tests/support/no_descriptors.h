// NoDescriptors: while it lives, the process can open no further file descriptor. For one thread.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace postern::test {

class NoDescriptors {
 public:
  NoDescriptors() {
    const int lowest_free = dup(0);
    close(lowest_free);
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none_left{static_cast<rlim_t>(lowest_free), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none_left);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace postern::test
