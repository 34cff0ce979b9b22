#include "proxy/net/without_io_uring.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <thread>

namespace postern::net {
namespace {

void refuse_rings_to_this_thread() {
  // No check of the architecture: this filter steers our own code and is no security barrier.
  sock_filter lines[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_io_uring_setup},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{sizeof lines / sizeof *lines, lines};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // prctl() first: if calling seccomp() ends the process, `seccomp: false` must be enough to run.
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
  }
}

}  // namespace

void without_io_uring(const std::function<void()>& work) {
  std::thread([&work] {
    refuse_rings_to_this_thread();
    work();
  }).join();
}

}  // namespace postern::net
