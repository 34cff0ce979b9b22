#include "proxy/process/file_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <climits>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(FileLimit, IsRaisedAsFarAsPossible) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit lowered = before;
  lowered.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &lowered);
  EXPECT_GE(raise_file_limit(Config()), 8U);
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST(FileLimit, HasRoomForEachSessionsClientAndServer) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const size_t possible = raise_file_limit(Config());
  EXPECT_LE(2 * possible, before.rlim_max);
  EXPECT_GE(2 * possible + 512, std::min<rlim_t>(before.rlim_max, INT_MAX));
}

}  // namespace
}  // namespace postern
