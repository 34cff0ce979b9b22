#include "proxy/net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include <uv.h>

#include "proxy/base/check.h"
#include "proxy/net/deadline.h"
#include "proxy/net/failure.h"
#include "proxy/net/socket.h"

namespace postern::net {
namespace {

constexpr uint64_t kRestMs = 100;
constexpr int kAcceptsPerTurn = 16;  // so that a storm of clients does not starve those we have

// Sets the options that may be set at any time.
int set_accepting_options(int fd, const ListenOptions& options) {
  int failure = set_options(fd, options.accepted);
  if (failure == 0) {
    failure =
        set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, static_cast<int>(options.defer_accept_s));
  }
  return failure;
}

int set_binding_options(int fd, const Address& address, const ListenOptions& options) {
  int failure = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (failure == 0 && options.reuse_port) {
    failure = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (failure == 0 && address.is_v6()) {
    // "[::]" includes IPv4, whatever net.ipv6.bindv6only says.
    failure = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, address.is_unspecified() ? 0 : 1);
  }
  return failure;
}

int bind_and_listen(int fd, const Address& address, int backlog) {
  sockaddr_storage name;
  const socklen_t length = address.to(name);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), length) != 0 || listen(fd, backlog) != 0) {
    return uv_translate_sys_error(errno);
  }
  return 0;
}

// What the operator can do about it; empty if we know no more than libuv's text.
const char* advice(int code) {
  switch (code) {
    case UV_EACCES:
      return "; a port below 1024 needs CAP_NET_BIND_SERVICE, or use a port above 1023";
    case UV_EADDRINUSE:
      return "; another process listens there (`ss -ltnp` names it): stop it or choose another "
             "port";
    case UV_EADDRNOTAVAIL:
      return "; no interface of this machine has this address";
    case UV_EAFNOSUPPORT:
      return "; this system has no IPv6: listen on an IPv4 address, for instance 0.0.0.0";
    case UV_EMFILE:
    case UV_ENFILE:
      return "; raise the limit of open files (ulimit -n, LimitNOFILE=)";
    default:
      return "";
  }
}

Fault listening_fault(const Address& address, int code) {
  return {address.text(), net_error(code, "").text() + advice(code)};
}

// accept(2): errors of one connection that died in the queue; the next one may be fine.
bool concerns_one_client(int code) {
  switch (code) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:  // a firewall's rule
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<int> open_listening_socket(const Address& address, const ListenOptions& options) {
  const int fd = open_socket(address);
  if (fd < 0) {
    return listening_fault(address, fd);
  }
  int failure = set_accepting_options(fd, options);
  if (failure == 0) {
    failure = set_binding_options(fd, address, options);
  }
  if (failure == 0) {
    failure = bind_and_listen(fd, address, options.backlog);
  }
  if (failure != 0) {
    ::close(fd);
    return listening_fault(address, failure);
  }
  return fd;
}

std::optional<Fault> find_rival(const Address& address) {
  const int fd = open_socket(address);
  if (fd < 0) {
    return std::nullopt;  // opening it in earnest says why
  }
  int failure = set_binding_options(fd, address, {.reuse_port = false});
  sockaddr_storage name;
  const socklen_t length = address.to(name);
  if (failure == 0 && bind(fd, reinterpret_cast<const sockaddr*>(&name), length) != 0) {
    failure = uv_translate_sys_error(errno);
  }
  ::close(fd);
  return failure == UV_EADDRINUSE ? std::optional(listening_fault(address, failure)) : std::nullopt;
}

Result<int> adopt_listening_socket(int fd, const ListenOptions& options) {
  const int flags = fcntl(fd, F_GETFL);
  int failure = set_accepting_options(fd, options);
  if (failure == 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
                       listen(fd, options.backlog) != 0)) {  // only the backlog is new
    failure = uv_translate_sys_error(errno);
  }
  if (failure != 0) {
    return listening_fault(bound_address(fd), failure);
  }
  return fd;
}

bool is_listening_tcp(int fd) {
  const auto option = [fd](int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  return option(SO_ACCEPTCONN) == 1 && option(SO_TYPE) == SOCK_STREAM && bound_address(fd).valid();
}

uint64_t socket_cookie(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return cookie;
}

// uv_poll and our own accept4(), not uv_listen(): when descriptors run out, libuv silently accepts
// and closes every client that waits (1.44 may also spin). Here clients keep waiting.
struct Listener::Handle final : Deadline {
  uv_poll_t poll;
  int fd = -1;
  Loop& loop;
  AcceptObserver& observer;
  const Share share;
  bool closing = false;

  Handle(Loop& on, int listening, AcceptObserver& owner, Share whose)
      : fd(listening), loop(on), observer(owner), share(whose) {}

  void start() {
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* uv, int, int) noexcept {
      static_cast<Handle*>(uv->data)->accept_some(kAcceptsPerTurn);
    });
  }
  void accept_some(int most);
  bool may_use(int descriptor) const {
    return share == Share::Reserve || loop.for_peers(descriptor);
  }
  void rest(int code);
  void on_deadline() override;
};

void Listener::Handle::accept_some(int most) {
  for (int i = 0; i < most && !closing; ++i) {
    const int client = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
      observer.on_accept(TcpStream::adopt(loop, client));
      if (!closing && !may_use(client)) {  // the first one beyond; the next ones wait
        rest(UV_EMFILE);
        return;
      }
    } else if (errno == EAGAIN) {
      return;
    } else if (!concerns_one_client(errno)) {
      rest(uv_translate_sys_error(errno));
      return;
    }
  }
}

void Listener::Handle::rest(int code) {
  uv_poll_stop(&poll);
  arm(loop.deadlines(), kRestMs);
  observer.on_accept_failure(net_error(code, "accepting a client"));
}

// A duplicate shows the lowest number that is free.
void Listener::Handle::on_deadline() {
  const int lowest = share == Share::Reserve ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
  const int code = lowest < 0 ? uv_translate_sys_error(errno) : may_use(lowest) ? 0 : UV_EMFILE;
  if (lowest >= 0 && lowest != fd) {
    ::close(lowest);
  }
  code == 0 ? start() : rest(code);
}

Listener::Listener(Loop& loop, int fd, AcceptObserver& observer, Share share)
    : handle_(new Handle(loop, fd, observer, share)) {
  check(uv_poll_init_socket(loop.uv(), &handle_->poll, fd) == 0, "a socket can be watched");
  handle_->poll.data = handle_;
  loop.hold();
}

Listener::~Listener() {
  close();
}

void Listener::start() {
  if (handle_ != nullptr) {
    handle_->start();
  }
}

void Listener::finish() {
  if (handle_ != nullptr) {
    handle_->accept_some(ListenOptions().backlog);
    close();
  }
}

void Listener::close() {
  Handle* handle = std::exchange(handle_, nullptr);
  if (handle == nullptr) {
    return;
  }
  handle->closing = true;
  handle->disarm();
  handle->loop.release();
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->poll),
           [](uv_handle_t* uv) noexcept { delete static_cast<Handle*>(uv->data); });
  ::close(handle->fd);  // after uv_close(), which has taken it out of the epoll set
}

Address Listener::local() const {
  return handle_ != nullptr ? local_name(handle_->fd) : Address();
}

Address bound_address(int fd) {
  return local_name(fd);
}

}  // namespace postern::net
