// LoginWatch: acts on what happens in the conversation: counts logins and commands, asks
// LoginGuard before an attempt goes to the server, has the relay hold the answer to a wrong secret,
// and keeps the gauges of sessions that are logged in, idling or opaque. Loop's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "metrics/counters.h"
#include "proxy/admission/login_guard.h"
#include "proxy/imap/conversation.h"
#include "proxy/relay/relay.h"
#include "proxy/session/context.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

class LoginWatchObserver {
 public:
  virtual void on_login_sent() = 0;           // it is the server's turn
  virtual void on_login_awaits_client() = 0;  // its secret is sent
  virtual void on_logged_in() = 0;
  virtual void on_logged_out() = 0;     // UNAUTHENTICATE
  virtual void on_login_refused() = 0;  // whatever the reason; the client is not logged in

 protected:
  ~LoginWatchObserver() = default;
};

class LoginWatch final : public imap::ConversationObserver, private LoginTurnObserver {
 public:
  // Both outlive it. The session's TLS is open.
  LoginWatch(SessionContext& session, LoginWatchObserver& observer)
      : session_(session), observer_(observer) {}
  // Call it before the relay starts. The relay outlives it.
  void attach(Relay& relay) { relay_ = &relay; }

  bool logged_in() const { return logged_in_; }
  // Of the last attempt.
  imap::Mechanism mechanism() const { return mechanism_; }
  // The server has said OK or NO to a command.
  bool answered() const { return answered_; }
  // The client has turned on COMPRESS.
  bool opaque() const { return is_opaque_; }
  // Until when the server may answer the attempt that is in flight, whatever is left of
  // timeouts.login.
  uint64_t answer_at_ms() const;
  // The session ends: gives back the gauges and the attempt's place.
  void release();

 private:
  // What the server has said when it could not serve a login.
  struct Trouble {
    std::string code;
    std::string words;
  };

  imap::LoginLeave on_login_attempt(imap::Mechanism mechanism) override;
  void on_login_turn(imap::LoginLeave leave) override;
  const SipHash::Key* name_key() override;
  void on_server_trouble(std::string_view code, const std::string& words) override;
  void on_login_result(imap::Mechanism mechanism, imap::LoginResult result, uint64_t user) override;
  imap::LoginLeave ask_guard();
  bool too_late();
  void succeeded(uint64_t user);
  void failed(imap::LoginResult result, uint64_t user, uint64_t took_us);
  void book(imap::LoginResult result, const Trouble& trouble) const;
  void refused(imap::LoginResult result, const Trouble& trouble);
  void report_unavailable(const BackendServer& server, const Trouble& trouble);
  void report_failures_in_a_row();
  void report_late(uint64_t took_us);
  void on_sasl_turn(bool of_client) override;
  void on_unauthenticated() override;
  void on_idle(bool idling) override;
  void on_opaque() override;
  void on_command_refused(imap::CommandRefusal reason) override;
  void on_id_fields_dropped(unsigned count) override;
  uint32_t clock_ms() override { return static_cast<uint32_t>(now_ms()); }
  void on_command_ended(imap::Command command, imap::CommandResult result,
                        uint32_t sent_ms) override;

  const std::optional<LoginFailures>& rules() const {
    return session_.config().limits.login_failures;
  }
  LoginGuard& guard() const { return session_.services.admission.logins(); }
  metrics::Counters& counters() const { return session_.counters(); }
  uint64_t now_ms() const { return session_.loop().now_ms(); }
  std::string server_name() const;  // empty: it is gone

  SessionContext& session_;
  LoginWatchObserver& observer_;
  Relay* relay_ = nullptr;
  std::unique_ptr<LoginGuard::Attempt> attempt_;  // while one is on its way
  std::unique_ptr<Trouble> trouble_;              // until the result that it explains
  uint64_t attempt_started_us_ = 0;
  metrics::ScopedGauge authenticated_;
  metrics::ScopedGauge idling_;
  metrics::ScopedGauge opaque_;
  imap::Mechanism mechanism_ = imap::Mechanism::Other;
  bool logged_in_ = false;
  bool answered_ = false;
  bool is_opaque_ = false;
};

}  // namespace postern
