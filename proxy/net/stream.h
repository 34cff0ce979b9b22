// Stream: a duplex byte stream, plain or TLS; everything above knows only this. StreamObserver: its
// one reader. The contract that the whole data path relies on:
//
//   1. Everything happens on the loop's thread.
//   2. An observer is never called inside a call that it made itself: what write(), resume() or
//      finish() bring about is reported later, from the loop.
//   3. After abort(), or once on_failure() was called, no callback comes any more.
//   4. Deleting is done through Loop::retire(), so a callback may always end its own stream.
//   5. Limits are soft: after pause() at most the bytes already read from the kernel in this turn
//      (one scratch buffer) still arrive.
//
// Life: (opening) -> on_open -> on_bytes* -> on_end | on_failure, and finish()/abort() at any time.
//
// A write that fails ends that direction only, for the peer may have said why before it went:
// on_write_failure comes, and reading goes on until all that the peer has said is read. As nothing
// can be said any more, on_failure then ends the stream, with the same error, in the place of
// on_end. It comes alone where reading finds the failure first, or has come to its end before: so
// nobody waits for a second word.
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
  // All that was queued has been handed to the kernel. Comes only after a write that had to queue.
  virtual void on_drained() = 0;
  // Nothing written reaches the peer any more: what is queued is dropped, and what is written from
  // now on. Once at most, and to a paused stream, too, which has to be resumed to hear more. Who
  // does not care hears of it by on_failure.
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

  // Takes all of `bytes` (copying what the kernel would not) and returns how many bytes are now
  // queued. The caller holds that below its own high-water mark by pausing its source.
  virtual size_t write(Bytes bytes) = 0;
  // The same for bytes that nobody waits for until the next write(), which follows soon: they may
  // go out together with it, or after 200 ms.
  virtual size_t write_ahead(Bytes bytes) { return write(bytes); }
  virtual size_t queued() const = 0;
  // What the peer's kernel has not acknowledged yet: what is queued, and what our kernel holds. It
  // shrinks as long as the peer takes something. Asks the kernel.
  virtual size_t owed() const { return queued(); }
  // Whether the peer has hung up, be it behind bytes that nobody has read: for who is paused. Asks
  // the kernel.
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
