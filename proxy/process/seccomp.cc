#include "proxy/process/seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace postern {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;  // untested: no filter
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

// The frequent ones first.
constexpr long kAllowed[] = {
    SYS_epoll_pwait,
    SYS_read,
    SYS_write,
    SYS_writev,
    SYS_recvfrom,
    SYS_sendto,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_epoll_ctl,
    SYS_accept4,
    SYS_close,
    SYS_futex,
    SYS_getpeername,
    SYS_getsockname,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_connect,
    SYS_shutdown,
    SYS_bind,
    SYS_ioctl,  // FIONBIO
    SYS_fcntl,
    SYS_readv,
    SYS_ppoll,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
    SYS_poll,
    SYS_time,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getrusage,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_membarrier,
    SYS_set_robust_list,
#ifdef SYS_rseq
    SYS_rseq,
#endif
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_tgkill,  // abort()
    SYS_exit,
    SYS_exit_group,
};

constexpr long kFatal[] = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
#ifdef SYS_fork
    SYS_fork,   SYS_vfork,
#endif
};

class Program {
 public:
  Program() {
    load(offsetof(seccomp_data, arch));
    jump_if_equal(kArchitecture, 1, 0);
    end_with(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
    for (const long call : kAllowed) {
      on(call, SECCOMP_RET_ALLOW);
    }
    on_socket();
    on_memory(SYS_mmap);
    on_memory(SYS_mprotect);
    for (const long call : kFatal) {
      on(call, SECCOMP_RET_KILL_PROCESS);
    }
    end_with(kRefused);
  }

  bool install() {
    sock_fprog program{};
    program.len = static_cast<unsigned short>(lines_.size());
    program.filter = lines_.data();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // Without this flag older kernels also disable speculation, which costs far more.
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                   &program) == 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  // The answer of an old kernel, so that the C library falls back to an older call.
  static constexpr uint32_t kRefused = SECCOMP_RET_ERRNO | ENOSYS;

  // Arguments are 64 bits wide; the filter looks at the lower half, which both architectures store
  // first.
  static constexpr uint32_t argument(uint32_t index) {
    return static_cast<uint32_t>(offsetof(seccomp_data, args)) + 8 * index;
  }
  void load(size_t offset) {
    lines_.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(offset)});
  }
  void jump_if_equal(uint32_t value, uint8_t then, uint8_t otherwise) {
    lines_.push_back({BPF_JMP | BPF_JEQ | BPF_K, then, otherwise, value});
  }
  void end_with(uint32_t verdict) { lines_.push_back({BPF_RET | BPF_K, 0, 0, verdict}); }
  void on(long call, uint32_t verdict) {
    jump_if_equal(static_cast<uint32_t>(call), 0, 1);
    end_with(verdict);
  }
  void on_socket() {
    jump_if_equal(SYS_socket, 0, 5);
    load(argument(0));
    jump_if_equal(AF_INET, 1, 0);
    jump_if_equal(AF_INET6, 0, 1);
    end_with(SECCOMP_RET_ALLOW);
    end_with(kRefused);
  }
  // Allowed unless the memory would be executable.
  void on_memory(long call) {
    jump_if_equal(static_cast<uint32_t>(call), 0, 4);
    load(argument(2));
    lines_.push_back({BPF_JMP | BPF_JSET | BPF_K, 1, 0, PROT_EXEC});
    end_with(SECCOMP_RET_ALLOW);
    end_with(kRefused);
  }

  std::vector<sock_filter> lines_;
};

}  // namespace

bool install_seccomp_filter() {
  return kArchitecture != 0 && !kSanitized && Program().install();
}

}  // namespace postern
