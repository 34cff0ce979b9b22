#include "proxy/net/tcp.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include <uv.h>

#include "proxy/base/check.h"
#include "proxy/net/failure.h"
#include "proxy/net/overflow.h"
#include "proxy/net/socket.h"

namespace postern::net {

// What libuv is at work on. Connecting comes before writing, so that there is never more than one,
// and an idle stream has none.
struct TcpStream::Request {
  union {
    uv_connect_t connect;
    uv_write_t write;
  };
  size_t writing = 0;  // bytes of the pending uv_write
};

// Open -> closing -> deleted by libuv's close callback. libuv and the kernel may hold on to this,
// and to the bytes of a pending write, longer than there is a stream.
struct TcpStream::Handle {
  uv_tcp_t tcp{};
  TcpStream* stream = nullptr;  // null once closing
  Overflow overflow;
  std::unique_ptr<Request> request;

  uv_stream_t* uv_stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
  uv_handle_t* uv() { return reinterpret_cast<uv_handle_t*>(&tcp); }
  template <typename T>
  static Handle& of(T* uv) {
    return *static_cast<Handle*>(uv->data);
  }
  int fd() {
    uv_os_fd_t fd = -1;
    uv_fileno(uv(), &fd);
    return fd;
  }
};

namespace {

constexpr size_t kViewsPerWrite = 16;  // 256 KiB a system call

// libuv's buffers are not const because it also reads into them.
uv_buf_t as_buffer(Bytes bytes) {
  uv_buf_t buffer;
  buffer.base = reinterpret_cast<char*>(const_cast<uint8_t*>(bytes.data()));
  buffer.len = bytes.size();
  return buffer;
}

}  // namespace

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

void TcpStream::connect(const Address& to, const TcpOptions& options, Opens opens) {
  check(handle_ != nullptr && !open_ && !quiet_ && handle_->request == nullptr,
        "a stream connects once");
  const int failure = dial(to, options, opens);
  if (failure != 0) {
    fail_later(failure);
  }
}

int TcpStream::dial(const Address& to, const TcpOptions& options, Opens opens) {
  // A socket of our own making, because its options must be set before it connects.
  const int fd = open_socket(to);
  if (fd < 0) {
    return fd;
  }
  int failure = set_options(fd, options);
  if (failure == 0) {
    failure = uv_tcp_open(&handle_->tcp, fd);
  }
  if (failure != 0) {
    ::close(fd);
    return failure;
  }
  if (opens == Opens::Connected) {
    return connect_loudly(to);
  }
  failure = connect_socket(fd, to);
  if (failure == 0) {
    quiet_ = true;
    start_reading();
  }
  return failure;
}

int TcpStream::connect_loudly(const Address& to) {
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

// A quiet connection has shown that it stands. False if it was ended on hearing so.
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

void TcpStream::start() {
  check(observer_ != nullptr, "a stream is observed before it is started");
  check(open_ || handle_ == nullptr, "a stream is started once it is open");
  start_reading();
}

void TcpStream::pause() {
  paused_ = true;
  if (handle_ != nullptr) {
    uv_read_stop(handle_->uv_stream());
  }
}

void TcpStream::resume() {
  paused_ = false;
  start_reading();
}

void TcpStream::start_reading() {
  if (!usable() || paused_ || ended_) {
    return;
  }
  // As long as a read fills the scratch to the brim, libuv would read on, up to 32 times.
  const int failure = uv_read_start(
      handle_->uv_stream(),
      [](uv_handle_t* uv, size_t, uv_buf_t* buffer) noexcept {
        *buffer = as_buffer(Handle::of(uv).stream->loop_.read_scratch(uv));
      },
      [](uv_stream_t* uv, ssize_t count, const uv_buf_t*) noexcept {
        Handle::of(uv).stream->handle_read(count);
      });
  check(failure == 0 || failure == UV_EALREADY, "an open stream can be read");
}

// Every branch ends with its callback: after it there may be no stream.
void TcpStream::handle_read(ssize_t count) {
  if (count == 0 || count == UV_ENOBUFS) {  // the latter: it has read in this turn
    return;
  }
  if (count < 0 && count != UV_EOF) {
    fail(static_cast<int>(count), open_ ? "reading" : "connecting");
    return;
  }
  if (!tell_open()) {
    return;
  }
  if (count > 0) {
    observer_->on_bytes(loop_.read_bytes(static_cast<size_t>(count)));
  } else {
    ended_ = true;
    observer_->on_end();
  }
}

size_t TcpStream::write(Bytes bytes) {
  return put(bytes, 0);
}

// The kernel keeps less than a segment until more is written, or 200 ms have passed (tcp(7)).
size_t TcpStream::write_ahead(Bytes bytes) {
  return put(bytes, MSG_MORE);
}

size_t TcpStream::put(Bytes bytes, int flags) {
  check(!finishing_, "nothing is written after finish()");
  if (handle_ == nullptr || failure_ != 0) {
    return 0;
  }
  Overflow& overflow = handle_->overflow;
  if (open_ && overflow.empty() && !bytes.empty()) {
    // Not uv_try_write(): it cannot say MSG_MORE, and write(2) costs more than send(2).
    const ssize_t taken =
        send(handle_->fd(), bytes.data(), bytes.size(), flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) {
      fail_later(uv_translate_sys_error(errno));
      return 0;
    }
    bytes = bytes.subspan(taken < 0 ? 0 : static_cast<size_t>(taken));
  }
  if (!bytes.empty()) {
    loop_.memory().add(static_cast<int64_t>(bytes.size()));
    overflow.append(bytes);
  }
  if (usable() && !overflow.empty() && handle_->request == nullptr) {
    write_queued();
  }
  return overflow.size();
}

size_t TcpStream::queued() const {
  return handle_ != nullptr ? handle_->overflow.size() : 0;
}

void TcpStream::write_queued() {
  Bytes views[kViewsPerWrite];
  uv_buf_t buffers[kViewsPerWrite];
  const size_t count = handle_->overflow.peek(views, kViewsPerWrite);
  if (handle_->request == nullptr) {
    handle_->request = std::make_unique<Request>();
  }
  Request& request = *handle_->request;
  request.write.data = handle_;
  request.writing = 0;
  for (size_t i = 0; i < count; ++i) {
    buffers[i] = as_buffer(views[i]);
    request.writing += views[i].size();
  }
  const int failure =
      uv_write(&request.write, handle_->uv_stream(), buffers, static_cast<unsigned>(count),
               [](uv_write_t* written, int status) noexcept {
                 Handle& handle = Handle::of(written);
                 if (handle.stream == nullptr) {
                   handle.request.reset();
                 } else {
                   handle.stream->handle_written(status);
                 }
               });
  if (failure != 0) {
    handle_->request.reset();
    fail_later(failure);
  }
}

void TcpStream::handle_written(int status) {
  if (status != 0) {
    handle_->request.reset();
    fail(status, open_ ? "writing" : "connecting");
    return;
  }
  loop_.memory().add(-static_cast<int64_t>(handle_->request->writing));
  handle_->overflow.consume(handle_->request->writing);
  if (!tell_open()) {
    return;
  }
  if (!handle_->overflow.empty()) {
    write_queued();
    return;
  }
  handle_->request.reset();
  if (finishing_) {
    shut_down();
  }
  observer_->on_drained();
}

void TcpStream::finish() {
  if (finishing_) {
    return;
  }
  finishing_ = true;
  if (handle_ != nullptr && open_ && failure_ == 0 && handle_->overflow.empty()) {
    loop_.defer(*this);  // who aborts in the same turn needs no FIN of its own
  }
}

// Directly and not by uv_shutdown(): the queue is ours and empty here, so nothing is left to wait
// for. If the connection is gone already, reading says so.
void TcpStream::shut_down() {
  shutdown(handle_->fd(), SHUT_WR);
}

void TcpStream::abort() {
  close(false);
}

void TcpStream::reset() {
  close(true);
}

// The second rule of Stream: who writes or connects is told of the failure later.
void TcpStream::fail_later(int code) {
  failure_ = code;
  if (open_) {
    uv_read_stop(handle_->uv_stream());
  }
  loop_.defer(*this);
}

void TcpStream::run() {
  if (failure_ != 0) {
    fail(failure_, open_ ? "writing" : "connecting");
  } else {
    shut_down();
  }
}

void TcpStream::fail(int code, const char* during) {
  close(false);
  observer_->on_failure(net_error(code, during));
}

void TcpStream::close(bool with_reset) {
  Handle* handle = std::exchange(handle_, nullptr);
  if (handle == nullptr) {
    return;
  }
  Deferred::unlink();
  handle->stream = nullptr;
  const uv_close_cb on_closed = [](uv_handle_t* uv) noexcept { delete &Handle::of(uv); };
  // It fails for a handle without a socket; then there is nobody to be told.
  if (!with_reset || uv_tcp_close_reset(&handle->tcp, on_closed) != 0) {
    uv_close(handle->uv(), on_closed);
  }
  loop_.memory().add(-static_cast<int64_t>(handle->overflow.size()));
  handle->overflow.clear();  // the socket is closed: libuv will not look at these bytes again
  loop_.release();
}

Address TcpStream::local() const {
  return handle_ != nullptr ? local_name(handle_->fd()) : Address();
}

Address TcpStream::remote() const {
  return handle_ != nullptr ? remote_name(handle_->fd()) : Address();
}

}  // namespace postern::net
