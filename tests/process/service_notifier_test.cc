#include "proxy/process/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/certificates.h"

namespace postern {
namespace {

// A service manager: the messages that it gets, datagram by datagram.
class Manager {
 public:
  explicit Manager(std::string name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
    if (name.front() == '@') {
      name.front() = '\0';
    }
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&at), length), 0);
  }
  ~Manager() {
    close(fd_);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
      unsetenv(name);
    }
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  std::string heard() const {
    char text[512];
    const ssize_t length = recv(fd_, text, sizeof text, 0);
    return length < 0 ? "" : std::string(text, static_cast<size_t>(length));
  }

 private:
  int fd_;
};

TEST(ServiceNotifier, NotifiesASocketInTheFileSystem) {
  const test::TempDirectory directory;
  const Manager manager(directory.path() + "/notify");
  const ServiceNotifier notifier = ServiceNotifier::from_environment();
  notifier.ready("Serving");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=Serving");
  notifier.stopping("Draining");
  EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=Draining");
}

TEST(ServiceNotifier, NotifiesAnAbstractSocket) {
  const Manager manager("@postern-test-" + std::to_string(getpid()));
  ServiceNotifier::from_environment().send("WATCHDOG=1");
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
}

TEST(ServiceNotifier, SendsTheTimeOfAReload) {
  const Manager manager("@postern-test-" + std::to_string(getpid()));
  ServiceNotifier::from_environment().reloading();
  const std::string heard = manager.heard();
  EXPECT_TRUE(heard.starts_with("RELOADING=1\nMONOTONIC_USEC=")) << heard;
}

TEST(ServiceNotifier, HeedsOnlyItsOwnWatchdog) {
  const Manager manager("@postern-test-" + std::to_string(getpid()));
  setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_ms(), 3'000U);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_ms(), 0U);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_ms(), 3'000U);
}

TEST(ServiceNotifier, SendsNothingWithoutAValidAddress) {
  ServiceNotifier::from_environment().ready("without a listener");
  setenv("NOTIFY_SOCKET", "no path", 1);
  ServiceNotifier::from_environment().ready("without a listener");
  setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  ServiceNotifier::from_environment().ready("without a listener");
  setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  const ServiceNotifier gone = ServiceNotifier::from_environment();
  gone.ready("without a listener");
  EXPECT_EQ(gone.watchdog_ms(), 0U);
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace postern
