#include "proxy/process/file_limit.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(FileLimit, IsRaisedAsFarAsPossible) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit lowered = before;
  lowered.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &lowered);
  raise_file_limit(Config());
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace postern
