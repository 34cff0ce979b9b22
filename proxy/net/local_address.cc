#include "proxy/net/local_address.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>

#include "proxy/net/socket.h"

namespace postern::net {

bool is_local(const Address& address) {
  const int fd = open_socket(address);
  if (fd < 0) {
    return false;
  }
  const bool bound = bind_source(fd, address) == 0;
  ::close(fd);
  return bound;
}

size_t local_ports() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  return local_ports(std::string(std::istreambuf_iterator<char>(file), {}));
}

size_t local_ports(const std::string& range) {
  std::istringstream text(range);
  uint16_t first = 0;
  uint16_t last = 0;
  if (!(text >> first >> last) || last < first) {
    return 0;
  }
  return size_t{last} - first + 1;
}

}  // namespace postern::net
