// The gateway's middle without a kernel: sessions of real TlsStream, Relay, imap::Filter, Deadline
// and Counters between streams in memory, a mail client of BoringSSL's on one side and a script on
// the other. For what sockets cannot show: a million sessions on one machine, and costs by
// instruction, the same at every run. One thread.
//
// Left out: Session, Dialer and Admission, whose place Parked takes with a Session's size, and the
// kernel. A MemoryStream is as heavy as a TcpStream with its uv_tcp_t.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/relay/relay.h"
#include "proxy/session/internal/command_meter.h"
#include "proxy/transport/tls_stream.h"
#include "tls/context.h"
#include "tls/engine.h"

namespace postern::bench {

// A mail client's end of TLS, with nothing of ours in it.
class Client {
 public:
  Client(SSL_CTX* context, SSL_SESSION* resume);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void feed(std::string_view ciphertext);  // and go on with the handshake
  std::string take();                      // ciphertext to send
  std::string hear();                      // plaintext that has come
  void say(std::string_view plaintext);
  bool secured() const { return SSL_in_init(ssl_) == 0; }
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }

 private:
  SSL* ssl_;
  BIO* in_;  // both are ssl_'s
  BIO* out_;
};

class MemoryStream final : public net::Stream {
 public:
  explicit MemoryStream(std::string& written);
  ~MemoryStream() override;

  void observe(net::StreamObserver& observer) override { observer_ = &observer; }
  size_t write(Bytes bytes) override;
  size_t queued() const override { return 0; }
  void pause() override {}
  void resume() override {}
  void finish() override {}
  void abort() override { aborted_ = true; }
  net::StreamObserver& observer() { return *observer_; }

 private:
  std::string& written_;
  net::StreamObserver* observer_ = nullptr;
  std::unique_ptr<std::byte[]> rest_;  // what a TcpStream weighs more
  bool aborted_ = false;
};

class Model;

// A session as it stands in the relay.
class Parked final : private net::StreamObserver,
                     private RelayObserver,
                     private imap::ConversationObserver,
                     private net::Deadline {
 public:
  explicit Parked(Model& model);
  ~Parked() override;

  void client_bytes(std::string_view ciphertext);
  void backend_bytes(std::string_view text);
  void drain();
  bool idling() const { return idling_.held(); }

 private:
  void on_open() override;
  void on_bytes(Bytes) override {}
  void on_drained() override {}
  void on_end() override {}
  void on_failure(const Error& error) override;
  void on_relay_end(EndReason reason, std::string_view bye, const Error& error) override;
  imap::LoginLeave on_login_attempt(imap::Mechanism) override { return imap::LoginLeave::Go; }
  const SipHash::Key* name_key() override { return &kNoSecret; }
  void on_login_result(imap::Mechanism, imap::LoginResult, uint64_t) override;
  void on_unauthenticated() override {}
  void on_idle(bool idling) override;
  void on_opaque() override {}
  void on_command_refused(imap::CommandRefusal) override {}
  void on_sasl_turn(bool) override {}
  void on_id_fields_dropped(unsigned) override {}
  uint32_t clock_ms() override;
  void on_command_ended(imap::Command command, imap::CommandResult result,
                        uint32_t sent_ms) override;
  void on_deadline() override {}

  static constexpr SipHash::Key kNoSecret{};
  Model& model_;
  MemoryStream* transport_;
  std::unique_ptr<TlsStream> client_;
  std::unique_ptr<MemoryStream> backend_;
  std::unique_ptr<Relay> relay_;
  metrics::ScopedGauge authenticated_;
  metrics::ScopedGauge idling_;
  std::unique_ptr<std::byte[]> rest_;  // what a Session weighs more
};

class Model {
 public:
  Model();
  ~Model();

  // What a client may use: TLS 1.2 alone or 1.3 alone, and the ticket it got last.
  enum class Tls : uint8_t { V12, V13 };
  SSL_CTX* client_context(Tls version) { return contexts_[static_cast<size_t>(version)]; }
  SSL_SESSION* ticket() const { return ticket_; }

  // Accepts `client` and lets both speak until nobody has anything to say.
  std::unique_ptr<Parked> accept(Client& client);
  // `client` says `line`; returns what it heard by the time all is quiet.
  std::string ask(Parked& session, Client& client, std::string_view line);
  std::string settle(Parked& session, Client& client);
  // The backend reads what was sent to it, and answers.
  void let_backend_answer(Parked& session);

  net::Loop loop;
  tls::Workspace workspace;
  metrics::LabelSets labels;
  metrics::Counters counters;
  CommandMeter commands{counters};
  std::unique_ptr<tls::ServerContext> server;
  RelayMetrics cells;
  bool count_commands = true;
  std::string to_client;  // written and not yet read
  std::string to_backend;

 private:
  static int on_ticket(SSL* ssl, SSL_SESSION* session);
  std::string answer(std::string_view line);

  SSL_CTX* contexts_[2];
  SSL_SESSION* ticket_ = nullptr;
  std::string idle_tag_;
};

// While one lives, callgrind does not count: the client's work is not the gateway's.
class Uncounted {
 public:
  Uncounted();
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
};
// Ends a phase of the count: what was counted since the last one is written under `name`. False if
// this was built without valgrind's header.
bool count_phase(const char* name);

}  // namespace postern::bench
