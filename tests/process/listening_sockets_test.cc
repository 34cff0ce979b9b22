#include "proxy/process/listening_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "proxy/net/listener.h"
#include "tests/support/gateway_config.h"
#include "tests/support/no_descriptors.h"

namespace postern {
namespace {

class ListeningTest : public testing::Test {
 protected:
  ListeningTest() {
    log::configure(log::Format::Text, log::Level::Error);
    config.admin = net::Address::parse("127.0.0.1:0").value();
    config.workers = 3;
  }
  ~ListeningTest() override {
    close_sockets();
    for (const char* name : {kListenFds, kListenPid, kListenNames, kPredecessor}) {
      unsetenv(name);
    }
  }
  void close_sockets() {
    for (const NamedSocket& socket : named_sockets(sockets, config)) {
      close(socket.fd);
    }
    sockets = {};
  }
  void open() {
    auto opened = open_listening_sockets(config, inherited);
    ASSERT_TRUE(opened) << opened.faults().front().text();
    sockets = opened.value();
  }
  // The socket of each descriptor of a worker's listener.
  std::vector<uint64_t> cookies(size_t worker, size_t listener) {
    std::vector<uint64_t> found;
    for (const ListeningSocket& socket : sockets.of_workers[worker]) {
      if (socket.listener == listener) {
        found.push_back(net::socket_cookie(socket.fd));
      }
    }
    return found;
  }
  // Hands the open sockets over to a configuration with so many workers, as an upgrade does: the
  // same sockets under other descriptors, the older ones closed.
  void hand_over(size_t workers) {
    inherit();
    config.workers = workers;
    open();
    EXPECT_TRUE(inherited.left().empty());
  }
  void inherit() {
    const std::vector<NamedSocket> handed = named_sockets(sockets, config);
    setenv(kListenFds, std::to_string(handed.size()).c_str(), 1);
    setenv(kListenPid, std::to_string(getpid()).c_str(), 1);
    std::string names;
    for (size_t i = 0; i < handed.size(); ++i) {
      names += (names.empty() ? "" : ":") + handed[i].name;
      ASSERT_EQ(dup3(handed[i].fd, first_ + static_cast<int>(i), O_CLOEXEC),
                first_ + static_cast<int>(i));
    }
    setenv(kListenNames, names.c_str(), 1);
    close_sockets();
    auto taken = InheritedSockets::from_environment(first_);
    ASSERT_TRUE(taken) << taken.faults().front().text();
    inherited = std::move(taken.value());
    first_ += 100;
  }

  int first_ = 500;  // the first descriptor, another one each time
  Config config = test::gateway_config({});
  InheritedSockets inherited;
  ListeningSockets sockets;
};

TEST_F(ListeningTest, GivesEachWorkerASocketOnTheSamePort) {
  open();
  ASSERT_EQ(sockets.of_workers.size(), 3U);
  for (size_t listener = 0; listener < 2; ++listener) {
    std::set<uint64_t> different;
    const net::Address address = net::bound_address(sockets.of_workers[0][listener].fd);
    EXPECT_NE(address.port(), 0);
    for (size_t worker = 0; worker < 3; ++worker) {
      ASSERT_EQ(cookies(worker, listener).size(), 1U);
      EXPECT_EQ(net::bound_address(sockets.of_workers[worker][listener].fd), address);
      different.insert(cookies(worker, listener).front());
    }
    EXPECT_EQ(different.size(), 3U);
  }
  EXPECT_GE(sockets.admin, 0);
}

TEST_F(ListeningTest, OpensNoAdminSocketByDefault) {
  config.admin.reset();
  open();
  EXPECT_EQ(sockets.admin, -1);
}

TEST_F(ListeningTest, TakesOverTheSocketsOfTheSameNumberOfWorkers) {
  open();
  const uint64_t first = cookies(0, 1).front();
  const uint64_t last = cookies(2, 1).front();
  const uint64_t admin = net::socket_cookie(sockets.admin);
  hand_over(3);
  EXPECT_EQ(cookies(0, 1), std::vector{first});
  EXPECT_EQ(cookies(2, 1), std::vector{last});
  EXPECT_EQ(net::socket_cookie(sockets.admin), admin);
}

TEST_F(ListeningTest, LeavesNoSocketUnservedWhenThereAreFewerWorkers) {
  open();
  const std::set<uint64_t> before{cookies(0, 0)[0], cookies(1, 0)[0], cookies(2, 0)[0]};
  hand_over(2);
  std::set<uint64_t> after;
  for (size_t worker = 0; worker < 2; ++worker) {
    for (const uint64_t cookie : cookies(worker, 0)) {
      EXPECT_TRUE(after.insert(cookie).second) << "served twice";
    }
  }
  EXPECT_EQ(after, before);
}

TEST_F(ListeningTest, SharesASocketAmongMoreWorkersAndUnsharesItAgain) {
  config.workers = 1;
  open();
  const uint64_t only = cookies(0, 0).front();
  hand_over(3);
  for (size_t worker = 0; worker < 3; ++worker) {
    EXPECT_EQ(cookies(worker, 0), std::vector{only});
  }
  hand_over(2);  // descriptors of one socket are one socket
  EXPECT_EQ(cookies(0, 0), std::vector{only});
  EXPECT_EQ(cookies(1, 0), std::vector{only});
}

// The kernel would give it a share of the connections, which would never be accepted.
TEST_F(ListeningTest, ClosesSocketsThatNoListenerUses) {
  open();
  const int first = first_;
  inherit();
  config.listeners.pop_back();
  config.admin.reset();
  open();
  EXPECT_TRUE(inherited.left().empty());
  size_t still_open = 0;
  for (int fd = first; fd < first + 7; ++fd) {  // two listeners of three workers, and the admin's
    still_open += fcntl(fd, F_GETFD) != -1 ? 1 : 0;
  }
  EXPECT_EQ(still_open, 3U);
}

TEST_F(ListeningTest, ReportsThatAFurtherWorkerHasNoDescriptor) {
  config.workers = 1;
  open();
  inherit();
  config.workers = 2;
  const auto opened = [this] {
    const test::NoDescriptors none;
    return open_listening_sockets(config, inherited);
  }();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.faults().front().text().find("no descriptor for a further worker"),
            std::string::npos)
      << opened.faults().front().text();
  EXPECT_EQ(fcntl(first_ - 100, F_GETFD), -1) << "a descriptor was left open";
}

TEST_F(ListeningTest, IgnoresSocketsForAnotherProcess) {
  setenv(kListenFds, "1", 1);
  setenv(kListenPid, "1", 1);
  const auto taken = InheritedSockets::from_environment();
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken.value().left().empty());
  EXPECT_EQ(std::getenv(kListenFds), nullptr) << "a child process would inherit it";
}

TEST_F(ListeningTest, RefusesDescriptorsThatAreNotListeningSockets) {
  ASSERT_EQ(dup2(0, first_), first_);
  setenv(kListenFds, "1", 1);
  setenv(kListenPid, std::to_string(getpid()).c_str(), 1);
  const auto taken = InheritedSockets::from_environment(first_);
  close(first_);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.faults().front().text().find("descriptor 500 is no listening TCP socket"),
            std::string::npos);
}

TEST_F(ListeningTest, NamesEveryAddressThatFailsAndClosesTheRest) {
  config.listeners[0].address = net::Address::parse("203.0.113.1:9993").value();  // not ours
  config.admin = net::Address::parse("203.0.113.2:9143").value();
  const int next_before = dup(0);
  close(next_before);
  const auto opened = open_listening_sockets(config, inherited);
  ASSERT_FALSE(opened);
  ASSERT_EQ(opened.faults().size(), 2U) << opened.faults().front().text();
  EXPECT_NE(opened.faults()[0].text().find("203.0.113.1:9993"), std::string::npos);
  EXPECT_NE(opened.faults()[1].text().find("admin.address 203.0.113.2:9143"), std::string::npos);
  const int next_after = dup(0);
  close(next_after);
  EXPECT_EQ(next_after, next_before) << "a descriptor was left open";
}

}  // namespace
}  // namespace postern
