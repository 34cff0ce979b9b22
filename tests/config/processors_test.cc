#include "proxy/config/processors.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace postern::config {
namespace {

class ProcessorQuota : public testing::Test {
 protected:
  ProcessorQuota() {
    std::string name = "/tmp/postern.cgroup.XXXXXX";
    mount = mkdtemp(name.data());
  }
  ~ProcessorQuota() override { std::filesystem::remove_all(mount); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = mount + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  std::string mount;
};

TEST_F(ProcessorQuota, IsReadOfVersion2) {
  write("/pod/postern/cpu.max", "200000 100000\n");
  EXPECT_EQ(processor_quota("0::/pod/postern\n", mount), 2U);
}

TEST_F(ProcessorQuota, IsRoundedUp) {
  write("/cpu.max", "150000 100000\n");
  EXPECT_EQ(processor_quota("0::/\n", mount), 2U);
  write("/cpu.max", "5000 100000\n");
  EXPECT_EQ(processor_quota("0::/\n", mount), 1U);
}

TEST_F(ProcessorQuota, IsTheLeastOfTheGroupsAround) {
  write("/pod/cpu.max", "100000 100000\n");
  write("/pod/postern/cpu.max", "400000 100000\n");
  EXPECT_EQ(processor_quota("0::/pod/postern\n", mount), 1U);
}

TEST_F(ProcessorQuota, IsThatOfTheMountInAContainerWithThePathOfTheHost) {
  write("/cpu.max", "300000 100000\n");
  EXPECT_EQ(processor_quota("0::/kubepods/pod7/c9\n", mount), 3U);
}

TEST_F(ProcessorQuota, IsReadOfVersion1) {
  write("/cpu,cpuacct/pod/cpu.cfs_quota_us", "250000\n");
  write("/cpu,cpuacct/pod/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processor_quota("5:memory:/pod\n4:cpu,cpuacct:/pod\n", mount), 3U);
}

TEST_F(ProcessorQuota, IsNoneWithoutALimit) {
  EXPECT_EQ(processor_quota("", mount), SIZE_MAX);
  EXPECT_EQ(processor_quota("0::/pod\nnonsense", mount), SIZE_MAX);
  write("/pod/cpu.max", "max 100000\n");
  EXPECT_EQ(processor_quota("0::/pod\n", mount), SIZE_MAX);
  write("/cpu/pod/cpu.cfs_quota_us", "-1\n");
  write("/cpu/pod/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processor_quota("4:cpu:/pod\n", mount), SIZE_MAX);
}

TEST(UsableProcessors, AreAtLeastOne) {
  EXPECT_GE(usable_processors(), 1U);
}

}  // namespace
}  // namespace postern::config
