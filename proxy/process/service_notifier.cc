#include "proxy/process/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "proxy/process/environment.h"

namespace postern {
namespace {

std::string address_from(std::string name) {
  if (name.starts_with('@')) {
    name.front() = '\0';
  } else if (!name.starts_with('/')) {
    return {};
  }
  return name.size() < sizeof(sockaddr_un::sun_path) ? name : std::string();
}

// 0 if the variables are meant for another process, such as the parent.
uint64_t watchdog_from_environment() {
  const std::string pid = environment("WATCHDOG_PID");
  if (!pid.empty() && pid != std::to_string(getpid())) {
    return 0;
  }
  return std::strtoull(environment("WATCHDOG_USEC").c_str(), nullptr, 10) / 1000;
}

uint64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

ServiceNotifier ServiceNotifier::from_environment() {
  const std::string address = address_from(environment("NOTIFY_SOCKET"));
  if (address.empty()) {
    return {};
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return {fd, address, watchdog_from_environment()};
}

ServiceNotifier::ServiceNotifier(int fd, std::string address, uint64_t watchdog_ms)
    : fd_(fd), address_(std::move(address)), watchdog_ms_(watchdog_ms) {}

ServiceNotifier::ServiceNotifier(ServiceNotifier&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      watchdog_ms_(other.watchdog_ms_) {}

ServiceNotifier::~ServiceNotifier() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

void ServiceNotifier::send(std::string_view lines) const {
  if (fd_ < 0) {
    return;
  }
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const size_t length = offsetof(sockaddr_un, sun_path) + address_.size();
  sendto(fd_, lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
         static_cast<socklen_t>(length));
}

void ServiceNotifier::ready(std::string_view status) const {
  send("READY=1\nSTATUS=" + std::string(status));
}

void ServiceNotifier::reloading() const {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()) + "\nSTATUS=Reloading");
}

void ServiceNotifier::stopping(std::string_view status) const {
  send("STOPPING=1\nSTATUS=" + std::string(status));
}

}  // namespace postern
