#include "proxy/session/session.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "proxy/base/check.h"
#include "proxy/base/secret.h"
#include "proxy/log/log.h"
#include "proxy/session/internal/messages.h"
#include "proxy/session/internal/session_labels.h"

namespace postern {

namespace {

// How often a client that has spoken before the backend is there, and so is not read, is looked at.
constexpr uint64_t kEarlyLookMs = 4'000;

}  // namespace

// ---- SettingUp: session_begin.cc has how it begins

void Session::on_client_ready(ReadyClient client) {
  loop().retire(std::move(setup_));
  context_.tls = client.stream.get();
  client_ = std::move(client.stream);
  handshake_ = client.handshake;
  greeted_ = client.greeted;
  commands_left_ = client.commands_left;
  log_handshake(context_, client.handshake);
  if (draining_) {
    start_closing(EndReason::Drained, kStopping);
    return;
  }
  client_->observe(*this);
  arm_at(loop().deadlines(), context_.login_at_ms);
  context_.snapshot->users != nullptr ? greet() : connect();
}

void Session::on_client_failed(FailedClient failed) {
  loop().retire(std::move(setup_));
  client_ = std::move(failed.stream);
  error_ = failed.error;
  refusal_ = failed.refusal;
  silent_ = failed.silent;
  context_.tls = failed.tls;
  if (failed.hears) {
    start_closing(failed.reason, failed.last_words);
  } else {
    close(failed.reason);
  }
}

// ---- Connecting: only now, so that scanners cost no backend slot

void Session::connect() {
  enter(State::Connecting);
  dial(context_.snapshot->route(context_.tls->engine().server_name()));
}

void Session::dial(Pool& pool) {
  context_.pool = &pool;
  led_ = true;
  DialerObserver& observer = *this;
  dialer_ = std::make_unique<Dialer>(context_.services.dial, pool, context_.origin.address,
                                     identity_preamble(pool.config().client_identity),
                                     config().timeouts.connect_ms, observer);
  dialer_->start();
}

IdentityPreamble Session::identity_preamble(ClientIdentity way) {
  if (way == ClientIdentity::None) {
    return {};
  }
  check(getrandom(&id_, sizeof id_, 0) == ssize_t{sizeof id_}, "the kernel gives random bytes");
  const bool announced = context_.origin.announced != nullptr;
  return make_preamble(way, {.address = context_.origin.address,
                             .destination = announced ? context_.origin.announced->destination
                                                      : context_.tls->local(),
                             .session_id = session_id_text(id_),
                             .tls = context_.tls->engine().client_facts()});
}

// Only a client that speaks too early pays for it: it is not read any further.
void Session::on_bytes(Bytes bytes) {
  check(state_ == State::Connecting, "the relay and LingeringClose have observers of their own");
  client_->pause();
  if (early_ == nullptr) {
    early_ = std::make_unique<std::string>();
  }
  append_secret(*early_, as_text(bytes));
  if (early_->size() > kMaxEarly) {
    start_closing(EndReason::ClientViolation, {});
  } else {
    look_early();
  }
}

// Its last command may be among the early bytes, but no client is left to read the answer.
void Session::on_end() {
  close(EndReason::ClientClosed);
}

void Session::on_failure(const Error& error) {
  error_ = error;
  close(EndReason::ClientFailed);
}

// The end of a client that is not read is not reported either.
void Session::look_early() {
  arm_at(loop().deadlines(), std::min(loop().now_ms() + kEarlyLookMs, context_.login_at_ms));
}

void Session::on_connected(DialResult result) {
  loop().retire(std::move(dialer_));
  context_.slot = std::move(result.slot);
  backend_handshake_ = result.handshake;
  trial_ = std::move(result.trial);
  log_connected(context_);
  if (user_backend_ != nullptr) {
    on_user_connected(std::move(result));
  } else {
    backend_ = std::move(result.stream);
    begin_relay(result.first_bytes);
  }
}

void Session::begin_relay(std::string_view from_backend) {
  enter(State::Relaying);
  LoginWatchObserver& logins = *this;
  RelayObserver& observer = *this;
  watch_.emplace(context_, logins);
  relay_ = std::make_unique<Relay>(loop(), context_.services.relay_metrics, *client_, *backend_,
                                   filter_options(), *watch_, observer);
  watch_->attach(*relay_);
  if (early_ != nullptr) {  // looks end
    arm_at(loop().deadlines(), context_.login_at_ms);
  }
  relay_->start(from_backend, early_ != nullptr ? std::string_view(*early_) : "");
  forget_early();
}

// It may hold a password.
void Session::forget_early() {
  if (early_ != nullptr) {
    wipe(*early_);
    early_.reset();
  }
}

void Session::on_dial_failed(const Error& last_error) {
  error_ = last_error;
  loop().retire(std::move(dialer_));
  const bool full = is_full(last_error);
  const EndReason reason = full ? EndReason::LimitBackend : EndReason::BackendUnavailable;
  const std::string_view bye = full ? kLimitReached : kUnavailable;
  if (relay_ != nullptr) {
    relay_->end_now(reason, bye, Error(last_error));
  } else {
    start_closing(reason, bye);
  }
}

// ---- Relaying

imap::Filter::Options Session::filter_options() const {
  imap::Filter::Options options;
  options.limits.command_before_login =
      static_cast<uint32_t>(std::min<uint64_t>(config().limits.command_before_login, UINT32_MAX));
  options.limits.commands = commands_left_;
  options.swallow_greeting = greeted_;
  return options;
}

void Session::on_login_sent() {
  move_to(before_login().logging_in);
}

void Session::on_login_awaits_client() {
  move_to(before_login().waiting);
}

void Session::on_logged_in() {
  if (const auto trial = std::exchange(trial_, nullptr)) {
    trial->passed();
  }
  move_to(context_.services.sessions.served);
  look_at_silence(0);
}

// A new login gets the time that the first one had.
void Session::on_logged_out() {
  log_out_user();
  move_to(before_login().waiting);
  context_.login_at_ms = loop().now_ms() + config().timeouts.login_ms;
  arm_at(loop().deadlines(), context_.login_at_ms);
}

// The deadline may have waited for this answer.
void Session::on_login_refused() {
  move_to(before_login().waiting);
  if (loop().now_ms() >= context_.login_at_ms) {
    arm_at(loop().deadlines(), context_.login_at_ms);
  }
}

void Session::move_to(IntrusiveList<Session>& list) {
  if (!draining_) {
    ListNode<Session>::unlink();
    list.push_back(*this);
  }
}

void Session::check_idle() {
  const Timeouts& timeouts = config().timeouts;
  const uint64_t silent_ms = loop().now_ms() - relay_->last_activity_ms();
  if (silent_ms >= timeouts.idle_ms) {
    relay_->end_now(EndReason::IdleTimeout, kAutologout);
    return;
  }
  if (timeouts.idle_keepalive_ms > 0 && silent_ms >= timeouts.idle_keepalive_ms) {
    relay_->say_to_idler(kStillHere);
  }
  look_at_silence(silent_ms);
}

// At its end, and before that at each whole multiple of the time between two signs of life.
void Session::look_at_silence(uint64_t silent_ms) {
  const Timeouts& timeouts = config().timeouts;
  uint64_t look_ms = timeouts.idle_ms;
  if (const uint64_t every_ms = timeouts.idle_keepalive_ms; every_ms > 0) {
    look_ms = std::min(look_ms, (silent_ms / every_ms + 1) * every_ms);
  }
  arm_at(loop().deadlines(), loop().now_ms() + look_ms - silent_ms);
}

void Session::check_login() {
  if (relay_->filter().login_awaits_server() && loop().now_ms() < watch_->answer_at_ms()) {
    arm_at(loop().deadlines(),
           watch_->answer_at_ms());  // a guess sent late is answered, and counted, like any other
  } else {
    relay_->end_now(EndReason::LoginTimeout, kLoginTimeout);
  }
}

void Session::on_relay_end(EndReason reason, std::string_view bye, const Error& error) {
  error_ = error;
  if (broke_off_on_header(reason)) {
    error_ = imap::imap_error(imap::Violation::HeaderUnexpected, "talking to the backend");
    report_unexpected_header();
  }
  if (reason == EndReason::ClientFailed || reason == EndReason::LimitMemory) {
    close(reason);  // what waits is let go at once
    return;
  }
  start_closing(reason, bye, bye.empty() ? 0 : delay_of_bye(reason));
}

// ---- deadlines

void Session::on_deadline() {
  switch (state_) {
    case State::Connecting:
      if (early_ == nullptr || loop().now_ms() >= context_.login_at_ms) {
        start_closing(EndReason::LoginTimeout, kLoginTimeout);
      } else if (client_->hung_up()) {
        close(EndReason::ClientClosed);
      } else {
        look_early();
      }
      return;
    case State::Relaying:
      logged_in() ? check_idle() : check_login();
      return;
    case State::SettingUp:  // ClientSetup has its own, and so has LingeringClose
    case State::Closing:
    case State::Closed:
      return;
  }
}

// ---- stopping

std::string_view Session::backend() const {
  const Pool* const pool = led_to();
  return pool == nullptr ? std::string_view() : pool->config().name;
}

std::string_view Session::server() const {
  const BackendServer* server = context_.slot.server();
  return server == nullptr ? std::string_view() : server->text;
}

void Session::drain() {
  draining_ = true;
  switch (state_) {
    case State::SettingUp:
      setup_->drain();
      return;
    case State::Connecting:
      start_closing(EndReason::Drained, kStopping);
      return;
    case State::Relaying:
      relay_->bye_at(imap::Stop::AtRest, EndReason::Drained, kStopping);
      return;
    case State::Closing:
      lingering_->hasten();
      return;
    case State::Closed:
      return;
  }
}

void Session::hasten() {
  if (state_ == State::Relaying) {
    relay_->bye_at(imap::Stop::AtBoundary, EndReason::Drained, kStopping);
  }
}

void Session::cut() {
  end_at_once(EndReason::Aborted, kStopping);
}

void Session::give_way(Refusal limit) {
  refusal_ = {Refusal::GaveWay, limit};
  end_at_once(EndReason::GaveWay, bye_for(Refusal::GaveWay));
  context_.permit.release();
}

void Session::end_at_once(EndReason reason, std::string_view bye) {
  if (state_ == State::Relaying) {
    relay_->end_now(reason, bye);
  }
  if (lingering_ != nullptr) {  // what it waits with is said before the stream goes
    lingering_->hasten();
  }
  close(reason);
}

}  // namespace postern
