#include "proxy/process/seccomp.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

// Runs `what` on a confined thread; false if threads cannot be confined here.
bool confined(const std::function<void()>& what) {
  bool is_confined = false;
  std::thread([&] {
    is_confined = install_seccomp_filter();
    if (is_confined) {
      what();
    }
  }).join();
  return is_confined;
}

// Whether the filter denied the call.
bool refused(int result) {
  return result < 0 && errno == ENOSYS;
}

TEST(Seccomp, DeniesFilesOtherSocketsAndExecutableMemory) {
  if (!confined([] {
        EXPECT_TRUE(refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
        EXPECT_TRUE(refused(open("/tmp/postern", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
        EXPECT_TRUE(refused(socket(AF_UNIX, SOCK_STREAM, 0)));
        EXPECT_TRUE(refused(unlink("/tmp/postern")));
        EXPECT_TRUE(refused(kill(getppid(), 0)));
        EXPECT_TRUE(refused(static_cast<int>(syscall(SYS_setuid, 0))));
        void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT_NE(memory, MAP_FAILED);
        EXPECT_TRUE(refused(mprotect(memory, 4096, PROT_READ | PROT_EXEC)));
        munmap(memory, 4096);
        EXPECT_EQ(mmap(nullptr, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MAP_FAILED);
      })) {
    GTEST_SKIP() << "not confined here: a sanitizer, or a kernel without seccomp";
  }
}

TEST(Seccomp, AllowsTheNetworkAndMemory) {
  if (!confined([] {
        for (const int family : {AF_INET, AF_INET6}) {
          const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
          EXPECT_TRUE(fd >= 0 || errno == EAFNOSUPPORT);
          close(fd);
        }
        std::vector<char> large(size_t{64} << 20U, 'x');
        EXPECT_EQ(large.back(), 'x');
      })) {
    GTEST_SKIP() << "not confined here: a sanitizer, or a kernel without seccomp";
  }
}

TEST(Seccomp, DoesNotConfineOtherThreads) {
  confined([] {});
  const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(fd, 0);
  close(fd);
}

TEST(Seccomp, KillsAProcessThatStartsAProgram) {
  const pid_t child = fork();
  if (child == 0) {
    const bool is_confined = confined([] { execl("/bin/true", "true", nullptr); });
    _exit(is_confined ? 1 : 77);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "not confined here: a sanitizer, or a kernel without seccomp";
  }
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

}  // namespace
}  // namespace postern
