#include "proxy/net/socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include <uv.h>

namespace postern::net {
namespace {

// A dead peer is detected a minute after the idle time. Where TCP_USER_TIMEOUT is set, Linux lets
// it decide instead of the number of probes.
constexpr int kProbeIntervalS = 15;
constexpr int kProbes = 4;

Address address_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage name{};
  socklen_t length = sizeof(name);
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  return ask(fd, generic, &length) == 0 ? Address::from(*generic) : Address();
}

}  // namespace

int open_socket(const Address& address) {
  const int fd = socket(address.is_v6() ? AF_INET6 : AF_INET,
                        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  return fd >= 0 ? fd : uv_translate_sys_error(errno);
}

int connect_socket(int fd, const Address& to) {
  sockaddr_storage name;
  const socklen_t length = to.to(name);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&name), length);
  return result == 0 || errno == EINPROGRESS ? 0 : uv_translate_sys_error(errno);
}

int bind_source(int fd, const Address& source) {
  const int failure = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (failure != 0) {
    return failure;
  }
  sockaddr_storage name;
  const socklen_t length = source.to(name);
  return bind(fd, reinterpret_cast<const sockaddr*>(&name), length) == 0
             ? 0
             : uv_translate_sys_error(errno);
}

int set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0
                                                                 : uv_translate_sys_error(errno);
}

int set_options(int fd, const TcpOptions& options) {
  int failure = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (failure == 0 && options.user_timeout_ms > 0) {
    failure =
        set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout_ms));
  }
  if (failure != 0 || options.keepalive_idle_s == 0) {
    return failure;
  }
  const struct {
    int level, name, value;
  } keepalive[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(options.keepalive_idle_s)},
      {IPPROTO_TCP, TCP_KEEPINTVL, kProbeIntervalS},
      {IPPROTO_TCP, TCP_KEEPCNT, kProbes},
  };
  for (const auto& option : keepalive) {
    failure = set_option(fd, option.level, option.name, option.value);
    if (failure != 0) {
      return failure;
    }
  }
  return 0;
}

namespace {

// Not SO_ERROR: reading it would clear the error that the next read must report.
int tcp_state(int fd) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_state : -1;
}

}  // namespace

// After a reset, the kernel still counts what was never delivered.
size_t unacknowledged(int fd) {
  int count = 0;
  if (ioctl(fd, SIOCOUTQ, &count) != 0 || count <= 0 || tcp_state(fd) == TCP_CLOSE) {
    return 0;
  }
  return static_cast<size_t>(count);
}

void acknowledge_now(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

bool peer_has_left(int fd) {
  switch (tcp_state(fd)) {
    case TCP_CLOSE:
    case TCP_CLOSE_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSING:
    case TCP_TIME_WAIT:
      return true;
    default:
      return false;
  }
}

Address local_name(int fd) {
  return address_of(fd, getsockname);
}

Address remote_name(int fd) {
  return address_of(fd, getpeername);
}

}  // namespace postern::net
