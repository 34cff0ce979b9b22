#include "proxy/net/tcp.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include <uv.h>

#include "proxy/base/check.h"
#include "proxy/net/failure.h"
#include "proxy/net/socket.h"
#include "proxy/net/tcp_handle.h"

namespace postern::net {

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
  // While reads fill the scratch completely, libuv would go on reading, up to 32 times.
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

// Every branch ends with its callback, which may destroy the stream.
void TcpStream::handle_read(ssize_t count) {
  if (count == 0 || count == UV_ENOBUFS) {  // the latter: this stream was the last to read
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
    if (failure_ != 0) {
      fail(failure_, "writing");
    } else {
      observer_->on_end();
    }
  }
}

size_t TcpStream::write(Bytes bytes) {
  return put(bytes, 0);
}

// The kernel holds back less than a segment until more is written, or for 200 ms (tcp(7)).
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
  if (writable() && !overflow.empty() && handle_->request == nullptr) {
    write_queued();
  }
  return overflow.size();
}

size_t TcpStream::queued() const {
  return handle_ != nullptr ? handle_->overflow.size() : 0;
}

// A pending uv_write leaves the queue as a whole, but reaches the kernel piece by piece.
size_t TcpStream::owed() const {
  if (handle_ == nullptr || failure_ != 0) {
    return 0;
  }
  const size_t writing = handle_->request != nullptr ? handle_->request->writing : 0;
  return handle_->overflow.size() - writing + uv_stream_get_write_queue_size(handle_->uv_stream()) +
         unacknowledged(handle_->fd());
}

void TcpStream::acknowledge() {
  if (handle_ != nullptr) {
    acknowledge_now(handle_->fd());
  }
}

bool TcpStream::hung_up() const {
  return handle_ == nullptr || ended_ || peer_has_left(handle_->fd());
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
    if (!open_) {
      fail(status, "connecting");
      return;
    }
    failure_ = status;
    drop_queued();
    tell_write_failure();
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
    loop_.defer(*this);  // an abort() in the same turn makes the FIN needless
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

// The second rule of Stream: the caller of write() or connect() gets the failure later.
void TcpStream::fail_later(int code) {
  failure_ = code;
  drop_queued();
  loop_.defer(*this);
}

void TcpStream::drop_queued() {
  loop_.memory().add(-static_cast<int64_t>(handle_->overflow.size()));
  handle_->overflow.clear();
}

// After the peer's end there is no more reading that could report the failure.
void TcpStream::tell_write_failure() {
  if (ended_) {
    fail(failure_, "writing");
  } else {
    observer_->on_write_failure(net_error(failure_, "writing"));
  }
}

void TcpStream::run() {
  if (failure_ == 0) {
    shut_down();
  } else if (open_) {
    tell_write_failure();
  } else {
    fail(failure_, "connecting");
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
  // Fails for a handle without a socket; then there is no peer to reset.
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
