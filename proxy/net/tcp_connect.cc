// How a TcpStream is made, connected, or taken over from a listener.
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include <uv.h>

#include "proxy/base/check.h"
#include "proxy/net/socket.h"
#include "proxy/net/tcp.h"
#include "proxy/net/tcp_handle.h"

namespace postern::net {

std::unique_ptr<TcpStream> TcpStream::make(Loop& loop) {
  return std::unique_ptr<TcpStream>(new TcpStream(loop));
}

std::unique_ptr<TcpStream> TcpStream::adopt(Loop& loop, int fd) {
  std::unique_ptr<TcpStream> stream = make(loop);
  check(uv_tcp_open(&stream->handle_->tcp, fd) == 0, "a connected socket can be taken over");
  stream->open_ = true;
  return stream;
}

TcpStream::TcpStream(Loop& loop) : loop_(loop), handle_(new Handle) {
  static_assert(sizeof(Handle) <= sizeof(uv_tcp_t) + 40);
  check(uv_tcp_init(loop.uv(), &handle_->tcp) == 0, "a handle without a socket can be made");
  handle_->tcp.data = handle_;
  handle_->stream = this;
  loop.hold();
}

TcpStream::~TcpStream() {
  abort();
}

void TcpStream::connect(const Address& to, const TcpOptions& options, OpenOn opens) {
  check(handle_ != nullptr && !open_ && !opens_on_first_bytes_ && handle_->request == nullptr,
        "a stream connects once");
  const int failure = dial(to, options, opens);
  if (failure != 0) {
    fail_later(failure);
  }
}

int TcpStream::dial(const Address& to, const TcpOptions& options, OpenOn opens) {
  // Our own socket, because its options must be set before it connects.
  const int fd = open_socket(to);
  if (fd < 0) {
    return fd;
  }
  if (!loop_.for_peers(fd)) {
    ::close(fd);
    return UV_EMFILE;
  }
  int failure = set_options(fd, options);
  if (failure == 0 && options.source.valid()) {
    failure = bind_source(fd, options.source);
  }
  if (failure == 0) {
    failure = uv_tcp_open(&handle_->tcp, fd);
  }
  if (failure != 0) {
    ::close(fd);
    return failure;
  }
  if (opens == OpenOn::Connected) {
    return connect_and_report(to);
  }
  failure = connect_socket(fd, to);
  if (failure == 0) {
    opens_on_first_bytes_ = true;
    start_reading();
  }
  return failure;
}

int TcpStream::connect_and_report(const Address& to) {
  sockaddr_storage name;
  to.to(name);
  handle_->request = std::make_unique<Request>();
  handle_->request->connect.data = handle_;
  const int failure = uv_tcp_connect(&handle_->request->connect, &handle_->tcp,
                                     reinterpret_cast<const sockaddr*>(&name),
                                     [](uv_connect_t* request, int status) noexcept {
                                       Handle& handle = Handle::of(request);
                                       handle.request.reset();
                                       if (handle.stream == nullptr) {
                                         return;
                                       }
                                       if (status != 0) {
                                         handle.stream->fail(status, "connecting");
                                       } else {
                                         handle.stream->open();
                                       }
                                     });
  if (failure != 0) {
    handle_->request.reset();
  }
  return failure;
}

bool TcpStream::connected() const {
  return open_ || remote().valid();
}

void TcpStream::open() {
  open_ = true;
  start();
  if (!handle_->overflow.empty()) {
    write_queued();
  } else if (finishing_) {
    shut_down();
  }
  observer_->on_open();
}

// The first bytes show that the connection is open. False if the observer ended the stream.
bool TcpStream::tell_open() {
  if (!open_) {
    open_ = true;
    if (finishing_ && handle_->overflow.empty()) {
      shut_down();
    }
    observer_->on_open();
  }
  return handle_ != nullptr;
}

}  // namespace postern::net
