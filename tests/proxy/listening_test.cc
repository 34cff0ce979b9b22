#include "proxy/listening.h"

#include <sys/resource.h>
#include <unistd.h>

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proxy/log.h"
#include "proxy/net/listener.h"
#include "tests/proxy/gateway.h"

namespace postern {
namespace {

class ListeningTest : public testing::Test {
 protected:
  ListeningTest() {
    log::configure(LogFormat::Text, LogLevel::Error);
    config.admin = net::Address::parse("127.0.0.1:0").value();
    config.workers = 3;
  }
  ~ListeningTest() override {
    for (const auto& of_worker : sockets.of_workers) {
      for (const int fd : of_worker) {
        close(fd);
      }
    }
    close(sockets.admin);
  }

  Config config = test::gateway_config({});
  ListeningSockets sockets;
};

TEST_F(ListeningTest, GivesEachWorkerItsSocketOnTheSamePort) {
  auto opened = open_listening_sockets(config);
  ASSERT_TRUE(opened);
  sockets = opened.value();
  ASSERT_EQ(sockets.of_workers.size(), 3U);
  for (size_t listener = 0; listener < 2; ++listener) {
    std::set<int> descriptors;
    const net::Address address = net::bound_address(sockets.of_workers[0][listener]);
    EXPECT_NE(address.port(), 0);
    for (const auto& of_worker : sockets.of_workers) {
      ASSERT_EQ(of_worker.size(), 2U);
      EXPECT_EQ(net::bound_address(of_worker[listener]), address);
      descriptors.insert(of_worker[listener]);
    }
    EXPECT_EQ(descriptors.size(), 3U);
  }
  EXPECT_GE(sockets.admin, 0);
}

TEST_F(ListeningTest, OpensNoAdminSocketUnlessAsked) {
  config.admin.reset();
  auto opened = open_listening_sockets(config);
  ASSERT_TRUE(opened);
  sockets = opened.value();
  EXPECT_EQ(sockets.admin, -1);
}

TEST_F(ListeningTest, NamesEveryAddressThatCannotBeHadAndClosesTheRest) {
  config.listeners[0].address = net::Address::parse("203.0.113.1:9993").value();  // not ours
  config.admin = net::Address::parse("203.0.113.2:9143").value();
  const int next_before = dup(0);
  close(next_before);
  const auto opened = open_listening_sockets(config);
  ASSERT_FALSE(opened);
  ASSERT_EQ(opened.faults().size(), 2U) << opened.faults().front().text();
  EXPECT_NE(opened.faults()[0].text().find("203.0.113.1:9993"), std::string::npos);
  EXPECT_NE(opened.faults()[1].text().find("203.0.113.2:9143"), std::string::npos);
  const int next_after = dup(0);
  close(next_after);
  EXPECT_EQ(next_after, next_before) << "a descriptor was left open";
}

TEST_F(ListeningTest, RaisesTheLimitOfOpenFilesAsFarAsItGoes) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit lowered = before;
  lowered.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &lowered);
  raise_file_limit(config);
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace postern
