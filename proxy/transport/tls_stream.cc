#include "proxy/transport/tls_stream.h"

#include <utility>

#include "proxy/base/check.h"

namespace postern {

using tls::Engine;

std::unique_ptr<TlsStream> TlsStream::server(net::Loop& loop,
                                             std::unique_ptr<net::Stream> transport,
                                             const tls::ServerContext& context,
                                             tls::Workspace& workspace, Bytes early, bool greets) {
  auto engine = Engine::server(context, workspace);
  std::unique_ptr<TlsStream> stream(
      new TlsStream(loop, std::move(transport), std::move(engine), workspace, early));
  stream->greets_ = greets;
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::client(net::Loop& loop,
                                             std::unique_ptr<net::Stream> transport,
                                             const tls::ClientContext& context,
                                             tls::Workspace& workspace, const std::string& name) {
  auto engine = Engine::client(context, workspace, name);
  return std::unique_ptr<TlsStream>(
      new TlsStream(loop, std::move(transport), std::move(engine), workspace, {}));
}

TlsStream::TlsStream(net::Loop& loop, std::unique_ptr<net::Stream> transport,
                     std::unique_ptr<Engine> engine, tls::Workspace& workspace, Bytes early)
    : loop_(loop),
      transport_(std::move(transport)),
      engine_(std::move(engine)),
      workspace_(workspace),
      early_(as_text(early)) {
  transport_->observe(*this);
  flush();  // a client has its ClientHello ready
  if (!early_.empty()) {
    loop_.defer(*this);
  }
}

TlsStream::~TlsStream() = default;

// ---- the handshake's turns

// Reading goes on while the stream waits, so that it sees a client leave.
bool TlsStream::must_wait() {
  waits_ = gate_ != nullptr && !engine_->open() && !gate_->may_take();
  return waits_;
}

void TlsStream::take_turn() {
  check(waits_, "a turn comes to a stream that waits for it");
  waits_ = false;
  transport_->resume();
  const std::string early = std::exchange(early_, {});
  take(as_bytes(early));
}

// ---- the observer's calls

size_t TlsStream::write(Bytes plaintext) {
  if (dead_ || finished_) {
    return 0;
  }
  const bool sealed = engine_->seal(plaintext);
  flush();
  if (!sealed) {
    write_error_ = engine_->error();
    loop_.defer(*this);
  }
  return queued();
}

void TlsStream::finish() {
  if (dead_ || finished_) {
    return;
  }
  engine_->close();
  flush(/*more_follows=*/true);  // close_notify leaves with the FIN
  finished_ = true;
  transport_->finish();
}

void TlsStream::abort() {
  dead_ = true;
  transport_->abort();
}

// ---- the transport's events

void TlsStream::on_bytes(Bytes ciphertext) {
  if (dead_) {
    return;
  }
  if (waits_ || !early_.empty()) {  // the early bytes come first
    early_.append(as_text(ciphertext));
    if (waits_) {
      transport_->pause();
    }
    return;
  }
  if (!engine_->open() && ++pieces_ > kMostPieces) {
    fail(tls::tls_error(tls::Failure::TooManyPieces, "in the handshake"));
    return;
  }
  if (must_wait()) {
    early_ = as_text(ciphertext);
    return;
  }
  take(ciphertext);
}

void TlsStream::take(Bytes ciphertext) {
  engine_->feed(ciphertext);
  take_events();
}

void TlsStream::on_drained() {
  if (!dead_ && engine_->open()) {
    observer_->on_drained();
  }
}

// During a handshake the peer's alert, or its silence, says more.
void TlsStream::on_write_failure(const Error& error) {
  if (!dead_ && engine_->open()) {
    observer_->on_write_failure(error);
  }
}

void TlsStream::on_end() {
  if (waits_ && !dead_) {
    fail(tls::tls_error(tls::Failure::Truncated, "in the TLS handshake"));
    return;
  }
  hear_early();
  if (dead_ || ended_) {
    return;
  }
  // Many IMAP clients hang up without close_notify. IMAP delimits its own messages, so a truncated
  // stream is an end like any other once the handshake is done; the peer may still read what we
  // send.
  if (engine_->open()) {
    end();
    return;
  }
  engine_->feed_end();
  take_events();
}

void TlsStream::on_failure(const Error& error) {
  if (!dead_) {
    fail(error);
  }
}

void TlsStream::run() {
  if (dead_) {
    return;
  }
  if (write_error_) {
    fail(write_error_);
    return;
  }
  hear_early();
}

void TlsStream::hear_early() {
  const std::string early = std::exchange(early_, {});
  if (!early.empty()) {
    on_bytes(as_bytes(early));
  }
}

// ---- between engine and transport

void TlsStream::take_events() {
  // An observer may abort this stream in any callback; its owner deletes it later, by retire().
  while (!dead_) {
    const Engine::Event event = engine_->next();
    flush(/*more_follows=*/greets_ && event == Engine::Event::Open);
    switch (event) {
      case Engine::Event::NeedInput:
        return;
      case Engine::Event::Open:
        observer_->on_open();
        break;
      case Engine::Event::Plaintext:
        if (!ended_) {
          observer_->on_bytes(engine_->plaintext());
          if (engine_->wipes_reads()) {
            engine_->wipe_plaintext();
          }
        }
        break;
      case Engine::Event::End:
        end();
        return;
      case Engine::Event::Failed:
        fail(engine_->error());
        return;
    }
  }
}

void TlsStream::flush(bool more_follows) {
  const Bytes ciphertext = workspace_.outgoing();
  if (ciphertext.empty()) {
    return;
  }
  if (!finished_) {  // after FIN a handshake cannot succeed
    more_follows ? transport_->write_ahead(ciphertext) : transport_->write(ciphertext);
  }
  workspace_.clear();
}

void TlsStream::end() {
  if (!std::exchange(ended_, true)) {
    observer_->on_end();
  }
}

void TlsStream::fail(const Error& error) {
  check(!dead_, "a stream fails once");
  dead_ = true;
  transport_->finish();  // an alert may still be on its way; the owner's abort() comes after
  observer_->on_failure(error);
}

}  // namespace postern
