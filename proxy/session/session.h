// Session: one client from accept to close. It owns the client's stream, the way to the backend,
// and the permits and gauges, which its end releases. Loop's thread only; the services outlive it.
//
//     SettingUp --TLS is open--> Connecting --the backend greeted--> Relaying
//   (ClientSetup)                 (Dialer)                           (Relay)
//         |                          |                                  |
//         +------------+-------------+----------------------------------+
//                      | a last word can be said                        | none can, or time is over
//                   Closing ------- the client hung up -------------> Closed
//               (LingeringClose)
//
// Where the user decides about the backend, Relaying begins at once: the relay's backend is then a
// UserBackend, which is the gateway's own server until a login shows the user.
//
// From accept to login one absolute deadline runs, which no byte resets (and within it the shorter
// one of the handshake); after login the idle limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "metrics/counters.h"
#include "proxy/admission/admission.h"
#include "proxy/backend/dialer.h"
#include "proxy/lookup/user_lookup.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/relay/end_reason.h"
#include "proxy/relay/lingering_close.h"
#include "proxy/relay/relay.h"
#include "proxy/session/client_setup.h"
#include "proxy/session/context.h"
#include "proxy/session/internal/login_watch.h"
#include "proxy/session/internal/session_log.h"
#include "proxy/session/internal/user_backend.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

class Session final : public net::Retirable,
                      public ListNode<Session>,
                      private ClientSetupObserver,
                      private net::StreamObserver,
                      private DialerObserver,
                      private UserBackendObserver,
                      private UserLookupObserver,
                      private RelayObserver,
                      private LoginWatchObserver,
                      private LingeringCloseObserver,
                      private net::Deadline {
 public:
  enum class State : uint8_t { SettingUp, Connecting, Relaying, Closing, Closed };

  // Begins a session on an accepted connection, or ends it at once if there is no place for it. The
  // session deletes itself when it is closed; it stands in one of `services.sessions` until then.
  static void begin(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                    size_t listener, std::unique_ptr<net::TcpStream> client);
  ~Session() override;

  // postern is stopping, or an operator ends the session: says `* BYE` once no command is in
  // flight, or at once where nothing is under way.
  void drain();
  // The drain is nearly over: the end of the next response has to do. After drain().
  void hasten();
  // The drain is over: ends now, with a BYE if it fits.
  void cut();
  // A newcomer that has met `limit` needs its place: ends now, with a BYE if it fits.
  void give_way(Refusal limit);
  // Whose it is, and since when: to find who gives way.
  const net::Address& client() const { return context_.origin.address; }
  // Bytes of an unfinished command, or what the client said before the backend greeted.
  size_t kept() const {
    return relay_ != nullptr ? relay_->kept() : early_ != nullptr ? early_->size() : 0;
  }
  uint64_t since_us() const { return context_.accepted_us; }
  // The backend that it is led to and the server that it is on; empty before and after.
  std::string_view backend() const;
  std::string_view server() const;
  bool is_draining() const { return draining_; }
  // The session only waits for its client to take the last words and hang up.
  bool is_closing() const { return state_ == State::Closing; }

 private:
  Session(const SessionServices& services, std::shared_ptr<Snapshot> snapshot, size_t listener,
          Admission::SessionPermit permit, const net::Address& peer);

  // In the order of life.
  static void refuse(const SessionServices& services, const Config& config, size_t index,
                     Refusal refusal, std::unique_ptr<net::TcpStream> client);
  void on_client_ready(ReadyClient client) override;
  void on_client_failed(FailedClient failed) override;

  void connect();
  void dial(Pool& pool);
  IdentityPreamble identity_preamble(ClientIdentity way);
  void look_early();
  void forget_early();
  void on_connected(DialResult result) override;
  void on_dial_failed(const Error& last_error) override;
  void begin_relay(std::string_view from_backend);

  void greet();
  std::string user_name() const;
  void route_user();
  void on_user_named() override;
  void on_user_looked_up(const UserPlace& place) override;
  void on_user_connected(DialResult result);
  void on_user_refused() override;
  void log_out_user();

  imap::Filter::Options filter_options() const;
  void on_logged_in() override;
  void on_logged_out() override;
  void on_login_refused() override;
  void on_login_sent() override;
  void on_login_awaits_client() override;
  void move_to(IntrusiveList<Session>& list);
  SessionLists::Before& before_login() {
    return context_.services.sessions.before[context_.listener];
  }
  void check_login();
  void check_idle();
  void look_at_silence(uint64_t silent_ms);
  void on_relay_end(EndReason reason, std::string_view bye, const Error& error) override;
  bool broke_off_on_header(EndReason reason) const;
  void report_unexpected_header();

  void end_at_once(EndReason reason, std::string_view bye);
  uint64_t delay_of_bye(EndReason reason) const;
  void start_closing(EndReason reason, std::string_view bye, uint64_t delay_ms = 0);
  void on_client_left() override { close(*reason_); }
  void close(EndReason reason);
  void release_resources(EndReason reason);
  void leave_backend();
  const Pool* led_to() const { return led_ ? context_.pool : nullptr; }
  EndReason reason_on_record(EndReason reason) const;
  void log_end() const;
  void book_end() const;
  Cause cause_to_book() const;
  SessionRecord record() const;
  Cause cause_of_record() const;
  void describe_tls(const tls::Engine& engine, SessionRecord& record) const;

  // The client's stream while Connecting; then the relay's, and later LingeringClose's.
  void on_open() override {}
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_write_failure(const Error&) override {}  // reading reports the end
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_deadline() override;

  void enter(State state) { state_ = state; }
  bool logged_in() const { return watch_.has_value() && watch_->logged_in(); }
  const Config& config() const { return context_.config(); }
  net::Loop& loop() const { return context_.loop(); }
  metrics::Counters& counters() const { return context_.counters(); }

  SessionContext context_;
  metrics::ScopedGauge active_;

  std::unique_ptr<ClientSetup> setup_;
  std::unique_ptr<net::Stream> client_;  // once it is set up
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<std::string> early_;  // what the client said before the backend was there
  std::unique_ptr<net::Stream> backend_;
  std::unique_ptr<HeaderTrial> trial_;   // of the server, until it has shown that it serves
  UserBackend* user_backend_ = nullptr;  // the same stream, where the user decides
  std::shared_ptr<Snapshot> routing_;    // by which the user is led: that of the login
  std::optional<LoginWatch> watch_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<LingeringClose> lingering_;

  uint64_t id_ = 0;  // for the backend's log and ours
  Error error_;
  // The small ones together: every idle session has them.
  uint32_t commands_left_ = 0;  // until login
  std::optional<tls::Handshake> handshake_;
  std::optional<tls::Handshake> backend_handshake_;
  std::optional<EndReason> reason_;
  std::optional<Refused> refusal_;  // of its address or handshake; or it gave way
  bool greeted_ : 1 = false;        // in clear
  bool silent_ : 1 = false;         // the client never sent a byte
  bool draining_ : 1 = false;
  bool led_ : 1 = false;  // to its backend: context_.pool is no guess
  State state_ = State::SettingUp;
};

}  // namespace postern
