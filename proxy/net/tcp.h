// TcpStream: Stream over one TCP socket. Writes go straight to the kernel (send); only what it
// refuses is queued, and while anything is queued one uv_write is pending. Reads arrive in the
// loop's scratch. TCP_NODELAY is set from the start, keepalive as configured. Loop's thread only.
//
// Ownership: make() and Listener return a unique_ptr; only Loop::retire(), or code outside of
// callbacks, may destroy it. The uv_tcp_t is in an inner handle that outlives the stream until
// libuv's close callback. abort(), reset() and a failure close the socket itself at once; if bytes
// of the peer are still unread, Linux then sends RST instead of FIN.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "proxy/base/error.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern::net {

struct TcpOptions {
  unsigned keepalive_idle_s = 0;  // 0: no keepalive; else four probes follow, 15 s apart
  unsigned user_timeout_ms = 0;   // TCP_USER_TIMEOUT; 0: the kernel's default
  // To connect from, with a port that connect(2) chooses: one that is in use toward another peer
  // will do. Without it the kernel chooses the address, too.
  Address source = {};
};

// For both hops: a peer that died silently is detected within three minutes. On an idle connection
// keepalive detects it, and begins before the five minutes after which many NATs forget; with a
// user timeout Linux ignores the number of probes and gives up at the fifth. With bytes in flight
// the user timeout alone decides; without it Linux would retransmit for a quarter of an hour. The
// timeout must not be much shorter, because it also ends a peer that is alive but has read nothing
// for so long, such as a client that is suspended in the middle of a download.
inline constexpr TcpOptions kLongLived{.keepalive_idle_s = 120, .user_timeout_ms = 175'000};

class TcpStream final : public Stream, public Retirable, private Deferred {
 public:
  // An unconnected stream; call connect() next.
  static std::unique_ptr<TcpStream> make(Loop& loop);
  ~TcpStream() override;

  // When a connecting stream calls on_open.
  enum class OpenOn : uint8_t {
    Connected,
    // With the peer's first bytes, for peers that speak first: saves the event of the connection
    // alone, a tenth of a plain session's cost. Until then connected() says whether there is a
    // connection, and the stream must not be paused.
    FirstBytes,
  };
  // Starts connecting; on_open or on_failure follows from the loop, never from inside this call.
  // What is written before on_open is queued, and sent as soon as there is a connection.
  void connect(const Address& to, const TcpOptions& options, OpenOn opens = OpenOn::Connected);
  bool connected() const;
  // Starts reading an accepted stream, which is open already: no on_open follows.
  void start();

  void observe(StreamObserver& observer) override { observer_ = &observer; }
  size_t write(Bytes bytes) override;
  size_t write_ahead(Bytes bytes) override;
  size_t queued() const override;
  size_t owed() const override;
  void acknowledge() override;
  bool hung_up() const override;
  void pause() override;
  void resume() override;
  void finish() override;
  void abort() override;
  // Like abort(), but the peer gets RST, not FIN: for attackers and for failed protocol states.
  void reset();

  // Asks the kernel; not valid while unconnected, and once the stream is dead.
  Address local() const override;
  Address remote() const;

 private:
  friend class Listener;
  struct Handle;
  struct Request;

  explicit TcpStream(Loop& loop);
  // Takes over a connected socket.
  static std::unique_ptr<TcpStream> adopt(Loop& loop, int fd);
  int dial(const Address& to, const TcpOptions& options, OpenOn opens);
  int connect_and_report(const Address& to);
  bool usable() const { return handle_ != nullptr && (open_ || opens_on_first_bytes_); }
  bool writable() const { return usable() && failure_ == 0; }
  void open();
  bool tell_open();
  size_t put(Bytes bytes, int flags);
  void start_reading();
  void handle_read(ssize_t count);
  void write_queued();
  void handle_written(int status);
  void shut_down();
  void fail_later(int code);
  void drop_queued();
  void tell_write_failure();
  void run() override;  // what fail_later() and finish() deferred
  void fail(int code, const char* during);
  void close(bool with_reset);

  Loop& loop_;
  StreamObserver* observer_ = nullptr;
  Handle* handle_;   // owns itself until libuv's close callback; null once the stream is dead
  int failure_ = 0;  // of connecting, not yet reported; or of writing, which ends that direction
  bool open_ : 1 = false;
  bool opens_on_first_bytes_ : 1 = false;  // connects, and opens with the first bytes
  bool paused_ : 1 = false;
  bool ended_ : 1 = false;      // the peer sent FIN
  bool finishing_ : 1 = false;  // finish() was called
};
// An idle connection pays this, and the inner handle with its uv_tcp_t (see tcp_handle.h).
static_assert(sizeof(TcpStream) <= 88);

}  // namespace postern::net
