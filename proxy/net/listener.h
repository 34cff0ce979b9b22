// Listener: one listening socket on one loop. Each worker opens its own with SO_REUSEPORT, so that
// the kernel spreads connections and no worker waits for another. When descriptors run out it rests
// for a moment instead of spinning, and tells its observer; clients wait in the backlog meanwhile.
// TCP_NODELAY and the accepted sockets' options are set on the listening socket, from which Linux
// lets them be inherited. Loop's thread only.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/base/error.h"
#include "proxy/base/result.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"

namespace postern::net {

class AcceptObserver {
 public:
  // A connected client; the observer owns it now, observes it and calls start().
  // May close or destroy the listener, as may on_accept_failure().
  virtual void on_accept(std::unique_ptr<TcpStream> client) = 0;
  virtual void on_accept_failure(const Error& error) = 0;  // accepting goes on after a short rest

 protected:
  ~AcceptObserver() = default;
};

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = true;
  // Wake only when the client has sent its first bytes (TCP_DEFER_ACCEPT), in seconds; 0: at once.
  // Right where the client speaks first (implicit TLS); wrong where we greet.
  unsigned defer_accept_s = 0;
  // InheritedSockets by every accepted socket, so that accepting costs no further system calls.
  TcpOptions accepted = {};
};

// OpenOn a bound, listening, non-blocking socket: binding is done once, on the main thread, before
// privileges are dropped, and faults come back as sentences ("[::]:993: permission denied; …").
Result<int> open_listening_socket(const Address& address, const ListenOptions& options);

// Makes a socket that was opened elsewhere, by a service manager or an older process, as the ones
// that are opened here, but for what must be set before it is bound. Faults as above.
Result<int> adopt_listening_socket(int fd, const ListenOptions& options);

bool is_listening_tcp(int fd);
// The kernel's own number for the socket behind `fd`: equal if two descriptors are of one socket.
uint64_t socket_cookie(int fd);

// Where `fd` is bound: tells which port 0 became.
Address bound_address(int fd);

class Listener {
 public:
  // Takes over `fd`, a listening non-blocking socket. `loop` and `observer` must outlive *this.
  Listener(Loop& loop, int fd, AcceptObserver& observer);
  ~Listener();  // closes; the inner handle goes when libuv lets go of it
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  void close();           // stops accepting and closes the socket; idempotent
  Address local() const;  // not valid once closed

 private:
  struct Handle;
  Handle* handle_;  // owns itself until libuv's close callback; null once closed
};

}  // namespace postern::net
