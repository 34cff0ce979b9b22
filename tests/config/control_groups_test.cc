#include "proxy/config/control_groups.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::config {
namespace {

class ControlGroups : public testing::Test {
 protected:
  ControlGroups() {
    std::string name = "/tmp/postern.cgroup.XXXXXX";
    mount = mkdtemp(name.data());
  }
  ~ControlGroups() override { std::filesystem::remove_all(mount); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = mount + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  std::string mount;
};

TEST_F(ControlGroups, ProcessorQuotaIsReadOfVersion2) {
  write("/pod/postern/cpu.max", "200000 100000\n");
  EXPECT_EQ(processor_quota("0::/pod/postern\n", mount), 2U);
}

TEST_F(ControlGroups, ProcessorQuotaIsRoundedUp) {
  write("/cpu.max", "150000 100000\n");
  EXPECT_EQ(processor_quota("0::/\n", mount), 2U);
  write("/cpu.max", "5000 100000\n");
  EXPECT_EQ(processor_quota("0::/\n", mount), 1U);
}

TEST_F(ControlGroups, ProcessorQuotaIsTheLeastOfTheGroupsAround) {
  write("/pod/cpu.max", "100000 100000\n");
  write("/pod/postern/cpu.max", "400000 100000\n");
  EXPECT_EQ(processor_quota("0::/pod/postern\n", mount), 1U);
}

TEST_F(ControlGroups, ProcessorQuotaIsThatOfTheMountInAContainerWithThePathOfTheHost) {
  write("/cpu.max", "300000 100000\n");
  EXPECT_EQ(processor_quota("0::/kubepods/pod7/c9\n", mount), 3U);
}

TEST_F(ControlGroups, ProcessorQuotaIsReadOfVersion1) {
  write("/cpu,cpuacct/pod/cpu.cfs_quota_us", "250000\n");
  write("/cpu,cpuacct/pod/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processor_quota("5:memory:/pod\n4:cpu,cpuacct:/pod\n", mount), 3U);
}

TEST_F(ControlGroups, ProcessorQuotaIsNoneWithoutALimit) {
  EXPECT_EQ(processor_quota("", mount), SIZE_MAX);
  EXPECT_EQ(processor_quota("0::/pod\nnonsense", mount), SIZE_MAX);
  write("/pod/cpu.max", "max 100000\n");
  EXPECT_EQ(processor_quota("0::/pod\n", mount), SIZE_MAX);
  write("/cpu/pod/cpu.cfs_quota_us", "-1\n");
  write("/cpu/pod/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processor_quota("4:cpu:/pod\n", mount), SIZE_MAX);
}

TEST_F(ControlGroups, MemoryQuotaIsTheLeastOfVersion2) {
  write("/pod/memory.max", "536870912\n");
  write("/pod/postern/memory.max", "max\n");
  EXPECT_EQ(memory_quota("0::/pod/postern\n", mount), 536'870'912U);
}

TEST_F(ControlGroups, MemoryQuotaIsReadOfVersion1) {
  write("/memory/pod/memory.limit_in_bytes", "268435456\n");
  EXPECT_EQ(memory_quota("5:memory:/pod\n4:cpu,cpuacct:/pod\n", mount), 268'435'456U);
}

TEST_F(ControlGroups, MemoryQuotaIsNoneWithoutALimit) {
  write("/pod/memory.max", "max\n");
  EXPECT_EQ(memory_quota("0::/pod\n", mount), UINT64_MAX);
  write("/memory/pod/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(memory_quota("5:memory:/pod\n", mount), UINT64_MAX);
}

// Else the first that the operator hears of it is a restart.
TEST(MemoryLimit, BeyondTheControlGroupsIsToldWithTheRightOne) {
  constexpr uint64_t kMiB = 1 << 20;
  EXPECT_EQ(judge_memory_limit(0, UINT64_MAX), "");
  EXPECT_EQ(judge_memory_limit(400 * kMiB, 512 * kMiB), "");
  EXPECT_EQ(
      judge_memory_limit(500 * kMiB, 512 * kMiB),
      "the control group (MemoryMax of a unit, limits.memory of a container) allows 512MiB, "
      "and this setting is 500MiB: under load the kernel would kill postern; set it to 409MiB "
      "or less");
  EXPECT_THAT(judge_memory_limit(0, 512 * kMiB), testing::HasSubstr("this setting is absent"));
}

TEST(UsableProcessors, AreAtLeastOne) {
  EXPECT_GE(usable_processors(), 1U);
}

}  // namespace
}  // namespace postern::config
