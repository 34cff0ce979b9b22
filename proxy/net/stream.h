// Stream: a duplex byte stream, plain or TLS; everything above knows only this. StreamObserver: its
// one reader. The contract that the whole data path relies on:
//
//   1. Everything happens on the loop's thread.
//   2. An observer is never called inside a call that it made itself: the effects of write(),
//      resume() and finish() are reported later, from the loop.
//   3. After abort() or on_failure() no callback follows.
//   4. Loop::retire() deletes a stream, so a callback may always end its own stream.
//   5. Limits are soft: after pause() at most the bytes already read from the kernel in this turn
//      (one scratch buffer) still arrive.
//
// Life: (opening) -> on_open -> on_bytes* -> on_end | on_failure, and finish()/abort() at any time.
//
// A write that fails ends that direction only, because the peer may have said why before it left:
// on_write_failure is called, and reading goes on until all that the peer sent is read. Since
// nothing can be sent any longer, on_failure then ends the stream, with the same error, in place of
// on_end. If reading finds the failure first, or has already reached the peer's end, only
// on_failure is called: no observer waits for a second callback.
#pragma once

#include <cstddef>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/net/address.h"

namespace postern::net {

class StreamObserver {
 public:
  // The stream can carry bytes: connected, or for TLS the handshake is complete. Once.
  virtual void on_open() = 0;
  // Bytes arrived. They belong to the loop's scratch and are valid during the call only.
  virtual void on_bytes(Bytes bytes) = 0;
  // Everything queued has been handed to the kernel. Follows only a write that had to queue.
  virtual void on_drained() = 0;
  // Writes no longer reach the peer: what is queued is dropped, and so is what is written from now
  // on. At most once; a paused stream gets it too, and must be resumed for further events. An
  // observer that ignores it gets on_failure.
  virtual void on_write_failure(const Error&) {}
  // The peer will send no more (FIN, or close_notify). We may still write.
  virtual void on_end() = 0;
  // The stream is dead; nothing queued will be delivered and no callback follows.
  virtual void on_failure(const Error& error) = 0;

 protected:
  ~StreamObserver() = default;
};

class Stream {
 public:
  virtual ~Stream() = default;

  // The observer must outlive the stream or be replaced before it goes.
  virtual void observe(StreamObserver& observer) = 0;

  // Takes all of `bytes` (copying what the kernel did not take) and returns how many bytes are now
  // queued. The caller keeps that below its own high-water mark by pausing its source.
  virtual size_t write(Bytes bytes) = 0;
  // The same for bytes that are not urgent, since the next write() follows soon: they may go out
  // together with it, or after 200 ms.
  virtual size_t write_ahead(Bytes bytes) { return write(bytes); }
  virtual size_t queued() const = 0;
  // The bytes that the peer's kernel has not acknowledged yet: those queued and those in our
  // kernel. The number shrinks as long as the peer reads. Asks the kernel.
  virtual size_t owed() const { return queued(); }
  // Acknowledges at once what was read. Call it when the peer is about to say more by itself: if it
  // writes in small pieces, its kernel holds back the next one until then (RFC 896), and ours would
  // wait 40 ms for bytes of our own to go with the acknowledgement.
  virtual void acknowledge() {}
  // Whether the peer has hung up, even if unread bytes come before its end: for paused streams.
  // Asks the kernel.
  virtual bool hung_up() const { return false; }

  // Stops and restarts reading; idempotent.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // Half-close once the queue is empty: close_notify and FIN. Nothing may be written afterwards.
  virtual void finish() = 0;
  // Ends both directions now, dropping what is queued. Idempotent; no callback follows.
  virtual void abort() = 0;

  // Our end's address; not valid where there is none.
  virtual Address local() const { return {}; }
};

}  // namespace postern::net
