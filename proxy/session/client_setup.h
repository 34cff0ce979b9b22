// ClientSetup: from an accepted connection to an open TLS stream: the PROXY header of a load
// balancer, the dialogue in clear on 143, the handshake. The mirror of Dialer, toward the client.
// Loop's thread only; it retires once it has reported.
//
//   [PROXY header] -> [greeting -> STARTTLS] -> ClientHello -> handshake -> on_client_ready
//      any failure, and a LOGOUT before STARTTLS -> on_client_failed
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "metrics/counters.h"
#include "proxy/admission/admission.h"
#include "proxy/admission/handshake_queue.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/imap/starttls_front.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/relay/end_reason.h"
#include "proxy/session/context.h"
#include "proxy/transport/proxy_protocol.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

struct ReadyClient {
  std::unique_ptr<TlsStream> stream;
  tls::Handshake handshake;
  bool greeted = false;        // in clear, before STARTTLS
  uint32_t commands_left = 0;  // until login
};

struct FailedClient {
  std::unique_ptr<net::Stream> stream;
  EndReason reason;
  TlsStream* tls = nullptr;  // the same stream, if TLS had begun
  // Whether the client can still hear `last_words`, which may be empty. If not, the stream is of no
  // more use.
  bool hears = false;
  std::string_view last_words = {};
  Error error = {};
  std::optional<Refused> refusal = {};
  bool silent = false;  // the client itself has not sent one byte
};

class ClientSetupObserver {
 public:
  virtual void on_client_ready(ReadyClient client) = 0;
  virtual void on_client_failed(FailedClient client) = 0;

 protected:
  ~ClientSetupObserver() = default;
};

class ClientSetup final : public net::Retirable,
                          public ListNode<ClientSetup>,
                          private net::StreamObserver,
                          private net::Deadline,
                          private HandshakeGate,
                          private HandshakeQueue::Member {
 public:
  // Session and observer outlive it. It sets the origin in `session`.
  ClientSetup(SessionContext& session, ClientSetupObserver& observer)
      : session_(session), observer_(observer) {}
  // Makes no callback before it returns.
  void start(std::unique_ptr<net::TcpStream> client);
  // The process stops: a client that is still in clear hears so, a handshake that has begun
  // may finish.
  void drain();
  // A newcomer needs its place among the handshakes.
  void give_way();
  // Whose it is, and since when it waits: to find who gives way.
  const net::Address& client() const { return session_.origin.address; }
  uint64_t since_us() const { return started_us_; }
  // Gives up; no callback follows.
  void cancel();

 private:
  enum class Step : uint8_t { ProxyHeader, Cleartext, Handshake, Done };

  void read_header(Bytes bytes);
  void identified(Bytes early);
  ProxyFailure unexpected_header() const;
  void header_failed(ProxyFailure failure);
  void welcome(Bytes early);
  void greet();
  void converse(Bytes bytes);
  void await_hello(Bytes early);
  void handshake(Bytes first);
  bool acquire_handshake();
  void handshake_failed(const Error& error);

  bool may_take() override;
  void on_turn() override;
  void on_open() override;
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_write_failure(const Error&) override {}  // reading reports the end
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_deadline() override;

  void leave_queue();
  void fail(EndReason reason, const Error& error = {});
  void refuse(EndReason reason, std::string_view last_words, const Error& error = {});
  void finish(FailedClient failed);
  void count_proxy_header(const char* label);
  void count_handshake_failure(const char* label);
  void count_shadow_refusal();
  const ListenerConfig& listener() const { return session_.listener_config(); }
  const Timeouts& timeouts() const { return session_.config().timeouts; }
  uint32_t commands_before_login() const {
    return static_cast<uint32_t>(session_.config().limits.commands_before_login);
  }
  net::Loop& loop() const { return session_.loop(); }
  metrics::Counters& counters() const { return session_.counters(); }

  SessionContext& session_;
  ClientSetupObserver& observer_;
  Step step_ = Step::ProxyHeader;
  bool draining_ = false;
  bool heard_ = false;       // bytes of the client's own
  uint64_t started_us_ = 0;  // of the handshake
  std::optional<Refused> refusal_;

  // One of the two.
  std::unique_ptr<net::TcpStream> cleartext_;
  std::unique_ptr<TlsStream> tls_;
  std::unique_ptr<ProxyReader> proxy_;          // until the header is read
  std::unique_ptr<imap::StarttlsFront> front_;  // on a STARTTLS listener
  Admission::HandshakePermit handshake_permit_;
  metrics::ScopedGauge in_handshake_;
};

}  // namespace postern
