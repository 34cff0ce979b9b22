#include "proxy/net/without_io_uring.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "proxy/net/loop.h"

namespace postern::net {
namespace {

// How the kernel answers a request for a ring: with a ring it would be EFAULT, because the
// request has no parameters.
int answer_to_a_ring() {
  return syscall(SYS_io_uring_setup, 1, nullptr) < 0 ? errno : 0;
}

// The traces of a filter in the thread that installs it.
struct Marks {
  int filters = prctl(PR_GET_SECCOMP);
  int no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  int ring = answer_to_a_ring();

  bool operator==(const Marks&) const = default;
};

bool has_seccomp() {
  return prctl(PR_GET_SECCOMP) >= 0;
}

// Rings of the whole process, whichever loop they serve.
size_t rings() {
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  return static_cast<size_t>(
      std::ranges::count_if(begin(descriptors), end(descriptors), [](const auto& descriptor) {
        std::error_code failed;
        return read_symlink(descriptor.path(), failed).string().find("io_uring") !=
               std::string::npos;
      }));
}

TEST(WithoutIoUring, RefusesRingsToItsWork) {
  if (!has_seccomp()) {
    GTEST_SKIP() << "a kernel without seccomp";
  }
  int answer = 0;
  without_io_uring([&answer] { answer = answer_to_a_ring(); });
  EXPECT_EQ(answer, ENOSYS);
}

TEST(WithoutIoUring, HasDoneItsWorkWhenItReturns) {
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id there = here;
  without_io_uring([&there] { there = std::this_thread::get_id(); });
  EXPECT_NE(there, here);
}

TEST(WithoutIoUring, LeavesTheCallerAsItIs) {
  const Marks before;
  without_io_uring([] {});
  EXPECT_EQ(Marks(), before);
}

// Nothing accumulates either: a process makes a loop for each worker.
TEST(Loop, LeavesTheThreadThatMakesItAsItIs) {
  const Marks before;
  std::array<Loop, 3> loops;
  EXPECT_EQ(Marks(), before);
}

TEST(Loop, HasNoRing) {
  if (!has_seccomp()) {
    GTEST_SKIP() << "a kernel without seccomp";
  }
  Loop loop;
  EXPECT_TRUE(loop.post([&loop] { loop.close_mailbox(); }));
  EXPECT_EQ(rings(), 0U);
  loop.run();
  EXPECT_EQ(rings(), 0U);
}

}  // namespace
}  // namespace postern::net
