// Session: one client from accept to close. It owns the client's stream, the way to the backend,
// and the permits and gauges, which fall back by themselves when it goes. Loop's thread only; the
// services outlive it.
//
//     Identifying: behind a load balancer, until its PROXY header is here
//             |                         |
//            143                       993
//             |                         |
//         Greeting --STARTTLS--> Handshaking --open--> Connecting --greeted--> Relaying
//             |                         |                   |                     |
//             +-----------+-------------+---------+---------+---------------------+
//                         | a last word can be said         | it can't
//                      Closing --- it is gone ----------> Closed
//
// From accept to login one absolute deadline runs, which no byte resets (and within it the shorter
// one of the handshake); after login the idle limit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "metrics/counters.h"
#include "proxy/admission/admission.h"
#include "proxy/backend/dialer.h"
#include "proxy/imap/starttls_front.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/session/end_reason.h"
#include "proxy/session/relay.h"
#include "proxy/session/snapshot.h"
#include "proxy/transport/proxy_protocol.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

// What the session's worker lends it.
struct SessionServices {
  DialerServices dial;
  Admission& admission;
  RelayMetrics relay_metrics;
};

class Session final : public net::Retirable,
                      public ListNode<Session>,
                      private net::StreamObserver,
                      private DialerObserver,
                      private RelayObserver,
                      private imap::ConversationObserver,
                      private LoginTurnObserver,
                      private net::Deadline {
 public:
  enum class State : uint8_t {
    Identifying,
    Greeting,
    Handshaking,
    Connecting,
    Relaying,
    Closing,
    Closed
  };

  // Begins a session on an accepted connection, or ends it at once if there is no place for it. The
  // session deletes itself when it is closed; it stands in `sessions` until then.
  static void begin(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                    size_t listener, std::unique_ptr<net::TcpStream> client,
                    IntrusiveList<Session>& sessions);
  ~Session() override;

  // postern is stopping: says `* BYE` once no command is in flight, or at once where nothing is
  // under way.
  void drain();
  // The drain is nearly over: the end of the next response has to do. After drain().
  void hasten();
  // The drain is over: ends now, with a BYE if it fits.
  void cut();

 private:
  Session(const SessionServices& services, std::shared_ptr<Snapshot> snapshot, size_t listener,
          std::unique_ptr<net::TcpStream> client, Admission::SessionPermit permit,
          const net::Address& address);

  // In the order of life.
  static void refuse(const SessionServices& services, const ListenerConfig& listener, size_t index,
                     Refusal refusal, std::unique_ptr<net::TcpStream> client);
  void identify();
  void read_header(Bytes bytes);
  void identified(Bytes early);
  void header_failed(ProxyFailure failure);
  ProxyFailure unexpected_header() const;
  void welcome(Bytes early);
  void greet();
  void converse(Bytes bytes);
  void await_hello(Bytes early);
  void handshake(Bytes first);
  void secured();
  void connect();
  IdentityPreamble identity_preamble(ClientIdentity way);
  imap::Filter::Options filter_options() const;
  void on_connected(DialResult result) override;
  void on_dial_failed(const Error& last_error) override;
  imap::LoginLeave on_login_attempt(imap::Mechanism mechanism) override;
  const SipHash::Key* name_key() override;
  void on_login_result(imap::Mechanism mechanism, imap::LoginResult result, uint64_t user) override;
  void on_login_turn(imap::LoginLeave leave) override;
  void login_failed(imap::LoginResult result, uint64_t user);
  void login_refused(imap::LoginResult result);
  void on_unauthenticated() override;
  void on_idle(bool idling) override;
  void on_opaque() override;
  void on_command_refused(imap::Refusal reason) override;
  void on_id_fields_dropped(unsigned count) override;
  void on_relay_end(EndReason reason, std::string_view bye, const Error& error) override;
  void start_closing(EndReason reason, std::string_view bye);
  void hear_end();
  void close_if_heard();
  void check_owed();
  void wait_for_client(uint64_t wait_ms);
  void drop_last_bytes(size_t count);
  void look_early();
  bool client_ended() const {
    return hung_up_ || (relay_ != nullptr && relay_->client_has_ended());
  }
  net::Stream& client();
  void leave_backend();
  void close(EndReason reason);
  void release_resources(EndReason reason);

  // The client's stream, while no relay observes it.
  void on_open() override { secured(); }
  void on_bytes(Bytes bytes) override;
  void on_drained() override;
  void on_write_failure(const Error& error) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_deadline() override;

  void handshake_failed(const Error& error);
  void count_proxy_header(const char* label);
  void count_handshake_failure(const char* label);
  void count_shadow_refusal();
  void check_idle();
  void arm_until(uint64_t at_ms);
  uint64_t answer_at() const;
  uint64_t login_at() const { return accepted_ms_ + snapshot_->config->timeouts.login_ms; }
  void enter(State state) { state_ = state; }
  bool early_is_too_much(Bytes bytes);
  void log_end();
  std::string client_certificate() const;  // its subject
  const ListenerConfig& listener() const { return snapshot_->config->listeners[listener_]; }
  net::Loop& loop() const { return services_.dial.loop; }
  metrics::Counters& counters() const { return services_.dial.counters; }

  const SessionServices& services_;
  std::shared_ptr<Snapshot> snapshot_;
  Admission::SessionPermit permit_;
  Admission::HandshakePermit handshake_permit_;
  metrics::ScopedGauge active_;
  metrics::ScopedGauge in_handshake_;
  metrics::ScopedGauge authenticated_;
  metrics::ScopedGauge idling_;
  metrics::ScopedGauge opaque_;

  std::unique_ptr<net::TcpStream> cleartext_;  // until TLS
  std::unique_ptr<ProxyReader> proxy_;         // while Identifying
  std::unique_ptr<TlsStream> client_;
  std::unique_ptr<imap::StarttlsFront> front_;
  std::unique_ptr<Dialer> dialer_;
  std::string early_;  // what the client said before the backend was there
  ServerSlot place_;
  std::unique_ptr<net::Stream> backend_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<LoginGuard::Attempt> attempt_;  // while one is on its way

  // What is owed to the client, and what it still says, while it is Closing.
  struct Owed {
    size_t bytes = 0;       // at the last look
    size_t dropped = 0;     // of what it says
    uint64_t still_ms = 0;  // since it took something
    uint64_t waited_ms = 0;
  };
  std::unique_ptr<Owed> owed_;

  // What a PROXY header has told, beside the client.
  struct Announced {
    net::Address proxy;
    net::Address destination;  // where the client has connected to
  };

  net::Address address_;  // the client's: of the connection, or announced
  std::unique_ptr<const Announced> announced_;
  uint32_t listener_;
  uint64_t id_ = 0;  // told to the backend, and to the log
  uint64_t accepted_us_;
  uint64_t accepted_ms_;
  uint64_t phase_started_us_ = 0;  // of the handshake, later of the login attempt
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  std::optional<tls::Handshake> handshake_;
  Error error_;
  std::optional<EndReason> reason_;
  imap::Mechanism mechanism_ = imap::Mechanism::Other;
  bool logged_in_ = false;
  bool draining_ = false;
  bool hung_up_ = false;            // the client, while it was Closing
  std::optional<Refusal> refusal_;  // for what its load balancer says of it
  State state_ = State::Handshaking;
};

}  // namespace postern
