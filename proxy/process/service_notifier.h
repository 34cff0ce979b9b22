// ServiceNotifier reports the process's state to the service manager, as sd_notify(3) does: a
// datagram of KEY=value lines to the socket that NOTIFY_SOCKET names. Without one it does nothing;
// a failure loses the message, never the process. Main thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

class ServiceNotifier {
 public:
  // Reads NOTIFY_SOCKET: a path or, after an `@`, an abstract name.
  static ServiceNotifier from_environment();
  ServiceNotifier() = default;  // sends nothing
  ~ServiceNotifier();
  ServiceNotifier(ServiceNotifier&& other) noexcept;
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  void send(std::string_view lines) const;
  void ready(std::string_view status) const;
  void reloading() const;
  void stopping(std::string_view status) const;

  // How often the manager expects WATCHDOG=1 (WATCHDOG_USEC); 0: never.
  uint64_t watchdog_ms() const { return watchdog_ms_; }

 private:
  ServiceNotifier(int fd, std::string address, uint64_t watchdog_ms);

  int fd_ = -1;
  std::string address_;  // of the datagram socket, in the kernel's form
  uint64_t watchdog_ms_ = 0;
};

}  // namespace postern
