// Listener: one listening socket on one loop. Each worker opens its own with SO_REUSEPORT, so that
// the kernel spreads connections and no worker waits for another. When descriptors run out, it
// notifies its observer and rests for a moment instead of spinning; clients wait in the backlog
// meanwhile. So it does before it takes descriptors of the reserve (descriptors.h). TCP_NODELAY and
// the options of accepted sockets are set on the listening socket: on Linux the accepted sockets
// inherit them. Loop's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/error.h"
#include "proxy/base/result.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"

namespace postern::net {

class AcceptObserver {
 public:
  // A connected client; the observer owns it now, observes it and calls start(). May close or
  // destroy the listener, as may on_accept_failure().
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
  // Every accepted socket inherits these, so that accepting costs no further system calls.
  TcpOptions accepted = {};
};

// Opens a bound, listening, non-blocking socket. The main thread binds once, before privileges are
// dropped; faults come back as sentences ("[::]:993: permission denied; …").
Result<int> open_listening_socket(const Address& address, const ListenOptions& options);

// The fault that another process listens on `address`, which SO_REUSEPORT would let pass: the
// kernel would then share out the clients. Call it before this process opens a socket there.
std::optional<Fault> find_rival(const Address& address);

// Gives a socket that a service manager or an older process opened the same options, except those
// that must be set before it is bound. Faults as above.
Result<int> adopt_listening_socket(int fd, const ListenOptions& options);

bool is_listening_tcp(int fd);
// The kernel's own number for the socket of `fd`: two descriptors with the same number are one
// socket.
uint64_t socket_cookie(int fd);

// The address that `fd` is bound to, with the actual port if 0 was asked for.
Address bound_address(int fd);

class Listener {
 public:
  // Whose descriptors its clients take: those of peers, or those of the reserve, too.
  enum class Share : uint8_t { Peers, Reserve };

  // Takes over `fd`, a listening non-blocking socket. `loop` and `observer` must outlive *this.
  Listener(Loop& loop, int fd, AcceptObserver& observer, Share share = Share::Peers);
  ~Listener();  // closes; the inner handle lives until libuv's close callback
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  // Accepts the clients that wait already, which a close would reset, and closes.
  void finish();
  void close();           // stops accepting and closes the socket; idempotent
  Address local() const;  // not valid once closed

 private:
  struct Handle;
  Handle* handle_;  // owns itself until libuv's close callback; null once closed
};

}  // namespace postern::net
