// A network of its own for a test, with nothing but a loopback interface, in which it may use up
// the ports to connect from. A listener's port is never one of them: listen first, then narrow the
// range.
#pragma once

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

namespace postern::test {

inline bool set_up_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  return up;
}

inline bool set_local_ports(int first, int last) {
  std::FILE* const file = std::fopen("/proc/sys/net/ipv4/ip_local_port_range", "we");
  if (file == nullptr) {
    return false;
  }
  const bool written = std::fprintf(file, "%d %d", first, last) > 0;
  return std::fclose(file) == 0 && written;
}

// Runs `work` on a thread in there. False if this user may not make one.
template <typename Work>
bool in_own_network(Work work) {
  bool made = false;
  std::thread thread([&] {
    made = unshare(CLONE_NEWNET) == 0 && set_up_loopback() && set_local_ports(50'000, 60'000);
    if (made) {
      work();
    }
  });
  thread.join();
  return made;
}

}  // namespace postern::test
