// TlsStream: Stream = transport + tls::Engine, the one place where the two meet; the transport is a
// TcpStream, except in the benchmarks' models and in tests. Either role; keeps the contract of
// net/stream.h. Ciphertext goes from the loop's read scratch through the engine into the workspace
// and to the kernel in one write; the stream owns bytes only while a record is incomplete or the
// peer is slow. Loop's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "tls/engine.h"

namespace postern {

// Decides when a server computes what a client's handshake asks for.
class HandshakeGate {
 public:
  // Octets of a handshake have come. True: they are taken at once. False: they wait until the
  // stream's take_turn() is called; it keeps at most one more read.
  virtual bool may_take() = 0;

 protected:
  ~HandshakeGate() = default;
};

class TlsStream final : public net::Stream,
                        public net::Retirable,
                        private net::StreamObserver,
                        private net::Deferred {
 public:
  // How many reads a handshake may take: each costs a turn of the loop, whatever its size.
  static constexpr unsigned kMostPieces = 1024;

  // Take over an open transport; the caller starts it unless it reads already. `context` and
  // `workspace` must outlive the stream; `early` are bytes that were already read from the
  // transport and belong to the handshake. The handshake runs from the loop; on_open or on_failure
  // follows. `greets`: our side speaks first, and soon, so that the handshake's last flight may go
  // with it.
  static std::unique_ptr<TlsStream> server(net::Loop& loop, std::unique_ptr<net::Stream> transport,
                                           const tls::ServerContext& context,
                                           tls::Workspace& workspace, Bytes early,
                                           bool greets = false);
  static std::unique_ptr<TlsStream> client(net::Loop& loop, std::unique_ptr<net::Stream> transport,
                                           const tls::ClientContext& context,
                                           tls::Workspace& workspace, const std::string& name);
  ~TlsStream() override;

  // Server role, before the loop's next turn. `gate` must outlive the handshake.
  void guard(HandshakeGate& gate) { gate_ = &gate; }
  // From the loop, once `gate` has said no.
  void take_turn();

  void observe(net::StreamObserver& observer) override { observer_ = &observer; }
  size_t write(Bytes plaintext) override;
  size_t queued() const override { return transport_->queued(); }
  size_t owed() const override { return transport_->owed(); }
  void acknowledge() override { transport_->acknowledge(); }
  bool hung_up() const override { return transport_->hung_up(); }
  void pause() override { transport_->pause(); }
  void resume() override { transport_->resume(); }
  void finish() override;
  void abort() override;

  net::Address local() const override { return transport_->local(); }
  // Whether plaintext is overwritten after the observer has had it.
  void wipe_what_was_read(bool wipes) { engine_->wipe_reads(wipes); }

  const tls::Engine& engine() const { return *engine_; }

 private:
  TlsStream(net::Loop& loop, std::unique_ptr<net::Stream> transport,
            std::unique_ptr<tls::Engine> engine, tls::Workspace& workspace, Bytes early);

  // The transport's events.
  void on_open() override {}
  void on_bytes(Bytes ciphertext) override;
  void on_drained() override;
  void on_write_failure(const Error& error) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  // Reports what was found inside a call of the observer.
  void run() override;

  bool must_wait();
  void take(Bytes ciphertext);
  void hear_early();
  void take_events();
  void flush(bool more_follows = false);
  void end();
  void fail(const Error& error);

  net::Loop& loop_;
  std::unique_ptr<net::Stream> transport_;
  std::unique_ptr<tls::Engine> engine_;
  tls::Workspace& workspace_;
  net::StreamObserver* observer_ = nullptr;
  HandshakeGate* gate_ = nullptr;
  std::string early_;    // received before the engine could take it
  Error write_error_;    // found by write(), reported by run()
  uint16_t pieces_ = 0;  // of the handshake, as they came
  bool greets_ = false;
  bool waits_ = false;  // for take_turn()
  bool ended_ = false;  // on_end was called
  bool dead_ = false;   // aborted or failed: no callback follows
  bool finished_ = false;
};

}  // namespace postern
