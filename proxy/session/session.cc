#include "proxy/session/session.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "proxy/backend/label_values.h"
#include "proxy/base/check.h"
#include "proxy/base/secret.h"
#include "proxy/session/messages.h"

namespace postern {

using metrics::Hop;
using metrics::Label;
using metrics::Metric;
using metrics::ScopedGauge;

namespace {

// What a server has at least for its answer to a login, whatever is left of timeouts.login: silence
// at the deadline would tell a wrong secret from a right one, and nobody would count it.
constexpr uint64_t kAnswerMs = 30'000;

// A client that has spoken before the backend is there is not read, and so looked at.
constexpr uint64_t kEarlyLookMs = 4'000;

}  // namespace

// ---- Connecting: only now, so that scanners cost no backend slot

void Session::connect() {
  enter(State::Connecting);
  Pool& pool = snapshot_->route(client_->engine().server_name());
  DialerObserver& observer = *this;
  dialer_ = std::make_unique<Dialer>(services_.dial, pool, address_,
                                     identity_preamble(pool.config().client_identity),
                                     snapshot_->config->timeouts.connect_ms, observer);
  dialer_->start();
}

IdentityPreamble Session::identity_preamble(ClientIdentity way) {
  if (way == ClientIdentity::None || !address_.valid()) {  // the latter has gone already
    return {};
  }
  check(getrandom(&id_, sizeof id_, 0) == ssize_t{sizeof id_}, "the kernel gives random bytes");
  return make_preamble(
      way, {.address = address_,
            .destination = announced_ != nullptr ? announced_->destination : client_->local(),
            .session_id = session_id_text(id_),
            .tls = client_->engine().client_facts()});
}

bool Session::early_is_too_much(Bytes bytes) {
  append_secret(early_, as_text(bytes));
  return early_.size() > kMaxEarly;
}

void Session::on_dial_failed(const Error& last_error) {
  error_ = last_error;
  loop().retire(std::move(dialer_));
  start_closing(EndReason::BackendUnavailable, kUnavailable);
}

imap::Filter::Options Session::filter_options() const {
  imap::Filter::Options options;
  options.limits.command_before_login = snapshot_->config->limits.command_before_login;
  options.swallow_greeting = front_ != nullptr;
  return options;
}

void Session::on_connected(DialResult result) {
  loop().retire(std::move(dialer_));
  enter(State::Relaying);
  backend_ = std::move(result.stream);
  place_ = std::move(result.place);
  imap::ConversationObserver& conversation = *this;
  RelayObserver& observer = *this;
  relay_ = std::make_unique<Relay>(loop(), services_.relay_metrics, *client_, *backend_,
                                   filter_options(), conversation, observer);
  front_.reset();
  if (!early_.empty()) {  // looks end
    arm_until(login_at());
  }
  relay_->start(result.first_bytes, early_);
  wipe(early_);
  early_.shrink_to_fit();
}

// ---- Relaying

imap::LoginLeave Session::on_login_attempt(imap::Mechanism mechanism) {
  mechanism_ = mechanism;
  phase_started_us_ = net::Loop::now_us();
  const auto& rules = snapshot_->config->limits.login_failures;
  if (logged_in_ || !rules.has_value()) {
    return imap::LoginLeave::Go;
  }
  auto [leave, attempt] = services_.admission.logins().begin(*rules, address_, loop(), *this);
  if (leave == imap::LoginLeave::Never) {
    // Other sessions of the address have begun a ban since this one came in.
    relay_->end_now(EndReason::Banned, kBanned);
  } else {
    attempt_ = std::move(attempt);
  }
  return leave;
}

void Session::on_login_turn(imap::LoginLeave leave) {
  if (leave == imap::LoginLeave::Never) {
    relay_->end_now(EndReason::Banned, kBanned);
    return;
  }
  phase_started_us_ = net::Loop::now_us();  // it is the server's time that is measured
  relay_->let_login_go();
}

const SipHash::Key* Session::name_key() {
  return snapshot_->config->limits.login_failures.has_value()
             ? &services_.admission.logins().name_key()
             : nullptr;
}

void Session::on_login_result(imap::Mechanism mechanism, imap::LoginResult result, uint64_t user) {
  mechanism_ = mechanism;
  counters().count<Metric::Logins>(mechanism, result);
  if (mechanism != imap::Mechanism::Preauth && is_answer(result)) {
    counters().observe<Metric::LoginDuration>(net::Loop::now_us() - phase_started_us_);
  }
  if (result == imap::LoginResult::Success) {
    if (const auto& rules = snapshot_->config->limits.login_failures) {
      services_.admission.logins().succeeded(*rules, address_, user, loop().now_ms());
    }
    logged_in_ = true;
    client_->wipe_what_was_read(false);
    authenticated_ = ScopedGauge(counters().cell<Metric::SessionsAuthenticated>());
    arm_until(loop().now_ms() + snapshot_->config->timeouts.idle_ms);
  } else if (logged_in_) {
    // It is in already: a refusal says nothing of a password.
  } else if (is_guess(result)) {
    login_failed(result, user);
  } else if (is_answer(result)) {
    login_refused(result);
  }
  if (!logged_in_ && loop().now_ms() >= login_at()) {
    arm_until(login_at());
  }
  attempt_.reset();  // only now: what it came to is counted before the next one goes
}

uint64_t Session::answer_at() const {
  return phase_started_us_ / 1000 + kAnswerMs;
}

void Session::on_unauthenticated() {
  logged_in_ = false;
  client_->wipe_what_was_read(true);
  authenticated_.release();
  // A new login gets the time that the first one had.
  arm_until(loop().now_ms() + snapshot_->config->timeouts.login_ms);
}

void Session::on_idle(bool idling) {
  idling_ = idling ? ScopedGauge(counters().cell<Metric::SessionsIdle>()) : ScopedGauge();
}

void Session::on_opaque() {
  opaque_ = ScopedGauge(counters().cell<Metric::SessionsOpaque>());
}

void Session::on_command_refused(imap::Refusal reason) {
  counters().count<Metric::CommandsRefused>(reason);
  if (reason == imap::Refusal::Starttls) {
    counters().count<Metric::StarttlsRefused>();
  }
}

void Session::on_id_fields_dropped(unsigned count) {
  counters().add<Metric::IdFieldsDropped>(count);
}

void Session::check_idle() {
  const uint64_t idle_at = relay_->last_activity_ms() + snapshot_->config->timeouts.idle_ms;
  if (idle_at > loop().now_ms()) {
    arm_until(idle_at);
  } else {
    relay_->end_now(EndReason::IdleTimeout, kAutologout);
  }
}

void Session::on_relay_end(EndReason reason, std::string_view bye, const Error& error) {
  error_ = error;
  bytes_in_ = relay_->bytes_from_client();
  bytes_out_ = relay_->bytes_to_client();
  if (reason == EndReason::ClientFailed || reason == EndReason::LimitMemory) {
    close(reason);  // what waits is let go at once
    return;
  }
  start_closing(reason, bye);
}

// ---- the end

net::Stream& Session::client() {
  return client_ != nullptr ? static_cast<net::Stream&>(*client_) : *cleartext_;
}

// Behind TLS the server is told that this end is meant (RFC 8446 section 6.1).
void Session::leave_backend() {
  if (backend_ != nullptr) {
    backend_->finish();
    backend_->abort();
  }
}

// Everything that others wait for is given back when the end is decided, not when the client has
// gone: gauges, the backend's place, the books.
void Session::release_resources(EndReason reason) {
  check(!reason_.has_value(), "a session ends once");
  reason_ = reason;
  counters().count<Metric::SessionsTotal>(ListenerLabel{listener_}, reason);
  if (error_.domain == &imap::kImapDomain) {
    const Hop hop = reason == EndReason::ClientViolation ? Hop::Client : Hop::Backend;
    counters().count<Metric::Violations>(
        hop, services_.dial.labels.index_of<Label::Violation>(error_.label()));
  }
  log_end();
  handshake_permit_.release();
  in_handshake_.release();
  authenticated_.release();
  idling_.release();
  opaque_.release();
  attempt_.reset();
  place_ = ServerSlot();
}

// ---- Closed

void Session::close(EndReason reason) {
  if (state_ == State::Closed) {
    return;
  }
  if (!reason_.has_value()) {
    release_resources(reason);
  }
  enter(State::Closed);
  disarm();
  if (dialer_ != nullptr) {
    dialer_->cancel();
  }
  leave_backend();
  client().abort();
  ListNode<Session>::unlink();
  loop().retire(std::unique_ptr<Session>(this));
}

// ---- the client's stream while no relay observes it

void Session::on_bytes(Bytes bytes) {
  switch (state_) {
    case State::Identifying:
      read_header(bytes);
      return;
    case State::Greeting:
      converse(bytes);
      return;
    case State::Handshaking:
      handshake(bytes);
      return;
    case State::Connecting:
      client_->pause();  // only those who speak too early pay for it
      if (early_is_too_much(bytes)) {
        start_closing(EndReason::ClientViolation, {});
      } else {
        look_early();
      }
      return;
    case State::Closing:
      drop_last_bytes(bytes.size());
      return;
    default:
      check(false, "no bytes come while the relay listens, nor after the end");
  }
}

void Session::on_drained() {
  if (state_ == State::Closing) {
    close_if_heard();
  }
}

void Session::on_write_failure(const Error&) {
  if (state_ == State::Closing) {
    close(*reason_);  // there is nothing more to say; else reading tells of the end
  }
}

void Session::on_end() {
  if (state_ == State::Identifying && proxy_->begun()) {
    header_failed(ProxyFailure::Truncated);
    return;
  }
  if (state_ == State::Closing) {
    hear_end();
    return;
  }
  // Its last command may be among the early bytes, but nobody is left to read the answer.
  close(EndReason::ClientClosed);
}

void Session::on_failure(const Error& error) {
  if (state_ == State::Handshaking && client_ != nullptr) {
    handshake_failed(error);
    return;
  }
  if (state_ == State::Identifying && proxy_->begun()) {
    header_failed(ProxyFailure::Truncated);
    return;
  }
  error_ = error;
  close(EndReason::ClientFailed);
}

void Session::on_deadline() {
  switch (state_) {
    case State::Identifying:
      header_failed(ProxyFailure::Timeout);
      return;
    case State::Greeting:
      start_closing(EndReason::LoginTimeout, kLoginTimeout);
      return;
    case State::Handshaking:
      count_handshake_failure("timeout");
      close(EndReason::HandshakeTimeout);
      return;
    case State::Connecting:
      if (early_.empty() || loop().now_ms() >= login_at()) {
        start_closing(EndReason::LoginTimeout, kLoginTimeout);
      } else if (client_->hung_up()) {
        close(EndReason::ClientClosed);
      } else {
        look_early();
      }
      return;
    case State::Relaying:
      if (logged_in_) {
        check_idle();
      } else if (relay_->filter().login_in_flight() && loop().now_ms() < answer_at()) {
        arm_until(answer_at());  // a guess sent late is answered, and counted, like any other
      } else {
        relay_->end_now(EndReason::LoginTimeout, kLoginTimeout);
      }
      return;
    case State::Closing:
      check_owed();
      return;
    case State::Closed:
      return;
  }
}

// What it says early is not read to its end, and nor is its end.
void Session::look_early() {
  arm_until(std::min(loop().now_ms() + kEarlyLookMs, login_at()));
}

void Session::arm_until(uint64_t at_ms) {
  const uint64_t now = loop().now_ms();
  arm(loop().deadlines(), at_ms > now ? at_ms - now : 0);
}

}  // namespace postern
