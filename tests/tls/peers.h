// Two ends of a TLS connection in memory. EnginePeer is what we test; RawPeer is BoringSSL used by
// hand, for all that an Engine would never do. converse() carries octets between any two of them.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "proxy/base/bytes.h"
#include "tests/support/certificates.h"
#include "tls/engine.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {

class EnginePeer {
 public:
  explicit EnginePeer(const ServerContext& context) : engine(Engine::server(context, workspace)) {}
  EnginePeer(const ClientContext& context, const std::string& host)
      : engine(Engine::client(context, workspace, host)) {
    collect();
  }

  void take(std::string octets) {
    engine->feed(as_bytes(octets));
    run();
  }
  void end() {
    engine->feed_end();
    run();
  }
  bool send(std::string_view text) {
    const bool sent = engine->seal(as_bytes(text));
    collect();
    return sent;
  }
  void close() {
    engine->close();
    collect();
  }
  Failure failure() const { return static_cast<Failure>(engine->error().code); }

  Workspace workspace;
  std::unique_ptr<Engine> engine;
  std::string wire;  // ciphertext to carry to the other end
  std::string received;
  size_t opened = 0;
  size_t plaintext_events = 0;
  bool ended = false;
  bool failed = false;

 private:
  void run() {
    for (;;) {
      const Engine::Event event = engine->next();
      collect();
      switch (event) {
        case Engine::Event::NeedInput:
          return;
        case Engine::Event::Open:
          ++opened;
          break;
        case Engine::Event::Plaintext:
          ++plaintext_events;
          received.append(as_text(engine->plaintext()));
          break;
        case Engine::Event::End:
          ended = true;
          return;
        case Engine::Event::Failed:
          failed = true;
          return;
      }
    }
  }
  void collect() {
    wire.append(as_text(workspace.outgoing()));
    workspace.clear();
  }
};

class RawPeer {
 public:
  using Configure = std::function<void(SSL_CTX*)>;

  static RawPeer client(const Configure& configure = {}, const std::string& sni = "",
                        SSL_SESSION* session = nullptr) {
    RawPeer peer(configure);
    if (!sni.empty()) {
      SSL_set_tlsext_host_name(peer.ssl.get(), sni.c_str());
    }
    if (session != nullptr) {
      SSL_set_session(peer.ssl.get(), session);
    }
    SSL_set_connect_state(peer.ssl.get());
    peer.take("");
    return peer;
  }
  static RawPeer server(const test::Issued& issued, const Configure& configure = {}) {
    RawPeer peer([&](SSL_CTX* own) {
      use(own, issued);
      if (configure) {
        configure(own);
      }
    });
    SSL_set_accept_state(peer.ssl.get());
    return peer;
  }

  void take(const std::string& octets) {
    BIO_write(SSL_get_rbio(ssl.get()), octets.data(), static_cast<int>(octets.size()));
    ERR_clear_error();
    if (SSL_in_init(ssl.get())) {
      finish(SSL_do_handshake(ssl.get()));
    }
    char buffer[4096];
    int got = 0;
    while (!failed && !SSL_in_init(ssl.get()) &&
           (got = SSL_read(ssl.get(), buffer, sizeof buffer)) > 0) {
      received.append(buffer, static_cast<size_t>(got));
    }
    if (got < 0) {
      finish(got);
    }
    collect();
  }
  void end() {}
  void send(std::string_view text) {
    SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
    collect();
  }
  void close() {
    SSL_shutdown(ssl.get());
    collect();
  }
  bool open() const { return SSL_in_init(ssl.get()) == 0; }
  bool ended() const { return (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  bool resumed() const { return SSL_session_reused(ssl.get()) == 1; }
  // The kind of key the other end showed.
  int peer_key() const {
    const bssl::UniquePtr<X509> leaf(SSL_get_peer_certificate(ssl.get()));
    const bssl::UniquePtr<EVP_PKEY> key(leaf == nullptr ? nullptr : X509_get_pubkey(leaf.get()));
    return key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_id(key.get());
  }

  static void use(SSL_CTX* ctx, const test::Issued& issued) {
    const bssl::UniquePtr<BIO> chain(BIO_new_mem_buf(issued.certificate_pem.data(), -1));
    const bssl::UniquePtr<X509> leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
    const bssl::UniquePtr<BIO> text(BIO_new_mem_buf(issued.key_pem.data(), -1));
    const bssl::UniquePtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(ctx, leaf.get());
    SSL_CTX_use_PrivateKey(ctx, key.get());
  }

  bssl::UniquePtr<SSL_CTX> ctx;
  bssl::UniquePtr<SSL> ssl;
  std::shared_ptr<bssl::UniquePtr<SSL_SESSION>> session;  // the newest ticket
  std::string wire;
  std::string received;
  bool failed = false;
  int reason = 0;  // why

 private:
  explicit RawPeer(const Configure& configure)
      : ctx(SSL_CTX_new(TLS_method())), session(std::make_shared<bssl::UniquePtr<SSL_SESSION>>()) {
    SSL_CTX_set_min_proto_version(ctx.get(), TLS1_VERSION);
    SSL_CTX_set_app_data(ctx.get(), session.get());
    SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(ctx.get(), [](SSL* own, SSL_SESSION* made) {
      static_cast<bssl::UniquePtr<SSL_SESSION>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(own)))
          ->reset(made);
      return 1;
    });
    if (configure) {
      configure(ctx.get());
    }
    ssl.reset(SSL_new(ctx.get()));
    SSL_set_bio(ssl.get(), memory(), memory());
  }
  static BIO* memory() {
    BIO* bio = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(bio, -1);
    return bio;
  }
  void finish(int result) {
    if (result <= 0 && SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ) {
      failed = true;
      reason = ERR_GET_REASON(ERR_peek_error());
    }
  }
  void collect() {
    BIO* out = SSL_get_wbio(ssl.get());
    const uint8_t* octets = nullptr;
    size_t size = 0;
    BIO_mem_contents(out, &octets, &size);
    wire.append(as_text({octets, size}));
    BIO_reset(out);
  }
};

// Carries what waits on both wires, `step` octets at a time, until both are silent.
template <typename One, typename Other>
void converse(One& one, Other& other, size_t step = std::string::npos) {
  const auto carry = [step](auto& from, auto& to) {
    const std::string octets = std::exchange(from.wire, "");
    for (size_t at = 0; at < octets.size(); at += std::min(step, octets.size() - at)) {
      to.take(octets.substr(at, step));
    }
  };
  while (!one.wire.empty() || !other.wire.empty()) {
    carry(one, other);
    carry(other, one);
  }
}

}  // namespace postern::tls
