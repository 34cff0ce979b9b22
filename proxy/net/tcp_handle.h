// The part of a TcpStream that libuv refers to. For tcp*.cc alone.
#pragma once

#include <cstddef>
#include <memory>

#include <uv.h>

#include "proxy/net/overflow.h"
#include "proxy/net/tcp.h"

namespace postern::net {

// The request that libuv works on. Connecting comes before writing, so there is never more than
// one, and an idle stream has none.
struct TcpStream::Request {
  union {
    uv_connect_t connect;
    uv_write_t write;
  };
  size_t writing = 0;  // bytes of the pending uv_write
};

// Open -> closing -> deleted by libuv's close callback. libuv and the kernel may use this, and the
// bytes of a pending write, after the stream is gone.
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

}  // namespace postern::net
