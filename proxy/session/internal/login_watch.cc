#include "proxy/session/internal/login_watch.h"

#include <string>
#include <utility>

#include "proxy/backend/failure_cause.h"
#include "proxy/log/log.h"
#include "proxy/session/internal/messages.h"
#include "proxy/session/internal/session_labels.h"
#include "proxy/session/internal/session_log.h"

namespace postern {

using metrics::Metric;
using metrics::ScopedGauge;

namespace {

// What a server has at least for its answer to a login, whatever is left of timeouts.login: silence
// at the deadline would show whether a secret is right, and no counter would show it.
constexpr uint64_t kAnswerMs = 30'000;
// Dovecot's penalty is 2 s after one failed login of an address, and doubles up to 15 s.
constexpr uint64_t kLateMs = 4'000;

}  // namespace

imap::LoginLeave LoginWatch::on_login_attempt(imap::Mechanism mechanism) {
  mechanism_ = mechanism;
  if (too_late()) {
    return imap::LoginLeave::Never;
  }
  attempt_started_us_ = net::Loop::now_us();
  if (logged_in_) {
    return imap::LoginLeave::Go;
  }
  const imap::LoginLeave leave = rules() ? ask_guard() : imap::LoginLeave::Go;
  if (leave == imap::LoginLeave::Go) {
    observer_.on_login_sent();
  }
  return leave;
}

imap::LoginLeave LoginWatch::ask_guard() {
  auto [leave, attempt] = guard().begin(*rules(), session_.origin.address, session_.loop(), *this);
  if (leave == imap::LoginLeave::Never) {
    // Other sessions of the address have begun a ban since this one came in.
    relay_->end_now(EndReason::Banned, kBanned);
  } else {
    attempt_ = std::move(attempt);
  }
  return leave;
}

void LoginWatch::on_login_turn(imap::LoginLeave leave) {
  if (too_late()) {
    return;
  }
  if (leave == imap::LoginLeave::Never) {
    relay_->end_now(EndReason::Banned, kBanned);
    return;
  }
  attempt_started_us_ = net::Loop::now_us();  // it is the server's time that is measured
  observer_.on_login_sent();
  relay_->let_login_go();
}

// Only an attempt that is with the server outlives the deadline: with new ones a client could stay
// for ever.
bool LoginWatch::too_late() {
  const bool late = !logged_in_ && now_ms() >= session_.login_at_ms;
  if (late) {
    relay_->end_now(EndReason::LoginTimeout, kLoginTimeout);
  }
  return late;
}

const SipHash::Key* LoginWatch::name_key() {
  return rules() ? &guard().name_key() : nullptr;
}

void LoginWatch::on_server_trouble(std::string_view code, const std::string& words) {
  trouble_ = std::make_unique<Trouble>(Trouble{std::string(code), words});
}

void LoginWatch::on_login_result(imap::Mechanism mechanism, imap::LoginResult result,
                                 uint64_t user) {
  mechanism_ = mechanism;
  const std::unique_ptr<Trouble> trouble = std::move(trouble_);
  const BackendLabel backend{session_.pool->label()};
  counters().count<Metric::Logins>(backend, mechanism, result);
  const uint64_t started_us = std::exchange(attempt_started_us_, 0);
  const uint64_t took_us = started_us != 0 ? net::Loop::now_us() - started_us : 0;
  if (started_us != 0 && is_answer(result)) {
    counters().observe<Metric::LoginDuration>(took_us, backend);
  }
  log_login_answered(session_, name_of(mechanism), name_of(result), took_us);
  if (took_us >= kLateMs * 1000 && (result == imap::LoginResult::Success || is_guess(result))) {
    report_late(took_us);
  }
  if (result == imap::LoginResult::Success) {
    succeeded(user);
  } else if (is_guess(result)) {
    failed(result, user, took_us);
  } else if (is_answer(result)) {
    refused(result, trouble != nullptr ? *trouble : Trouble());
  }
  // What has interrupted it is booked by the end of the session.
  if (result != imap::LoginResult::Success && result != imap::LoginResult::Interrupted) {
    book(result, trouble != nullptr ? *trouble : Trouble());
  }
  attempt_.reset();  // only now: what it came to is counted before the next one goes
  if (!logged_in_) {
    observer_.on_login_refused();
  }
}

// Of the server's words only those in which no user is named.
void LoginWatch::book(imap::LoginResult result, const Trouble& trouble) const {
  session_.services.dial.facts.failures.add(cause_of_login(result), session_.pool->label(), [&] {
    return FailureBook::Details{.client = session_.origin.address.ip_text(),
                                .server = server_name(),
                                .said = trouble.words};
  });
}

void LoginWatch::succeeded(uint64_t user) {
  if (rules()) {
    guard().succeeded(*rules(), session_.origin.address, user, now_ms());
  }
  logged_in_ = true;
  if (const BackendServer* server = session_.slot.server()) {
    session_.services.dial.facts.failed_in_a_row[server->label].clear();
  }
  session_.tls->wipe_what_was_read(false);
  authenticated_ = ScopedGauge(counters().cell<Metric::SessionsAuthenticated>());
  observer_.on_logged_in();
}

// Reports the failure. LoginGuard decides about bans.
void LoginWatch::failed(imap::LoginResult result, uint64_t user, uint64_t took_us) {
  LoginGuard::Verdict verdict;
  if (rules()) {
    verdict = guard().failed(*rules(), session_.origin.address, user, now_ms());
  }
  const net::Address& client = session_.origin.address;
  const std::string ip = client.ip_text();
  const log::Group by_client{.key = "client", .value = ip, .client = client_number(client)};
  log::write(log::Level::Info, "login failed",
             {{"listener", session_.listener_config().text},
              {"client", client.text()},
              {"mechanism", name_of(mechanism_)},
              {"result", name_of(result)},
              {"failures", verdict.failures},
              {"backend", session_.pool->config().name},
              log::Field::optional("server", server_name()),
              {"answered_ms", took_us / 1000},
              {"cause", name_of(cause_of_login(result))}},
             by_client);
  report_failures_in_a_row();
  if (!verdict.counted) {
    return;
  }
  counters().count<Metric::LoginFailuresCounted>();
  if (verdict.ban_began) {
    counters().count<Metric::LoginBans>();
    log::write(log::Level::Warn, "client banned",
               {{"client", client.text()},
                {"failures", verdict.failures},
                {"seconds", rules()->ban_ms / 1000},
                {"cause", name_of(Cause::Banned)},
                {"advice",
                 "`postern admin unban client=ADDRESS` lifts it (without admin.token_file: put "
                 "the address into limits.login_failures.exempt and reload)"}},
               by_client);
  }
  if (result == imap::LoginResult::Abandoned) {
    return;  // the client has gone: there is no answer to delay
  }
  if (verdict.delay_ms > 0) {
    counters().observe<Metric::LoginFailureDelay>(verdict.delay_ms * 1000);
  }
  relay_->delay_answer(verdict.delay_ms, EndReason::Banned, verdict.banned ? kBanned : "");
}

// The server has said no for another reason than the secret.
void LoginWatch::refused(imap::LoginResult result, const Trouble& trouble) {
  const BackendServer* server = session_.slot.server();
  const std::string name = server_name();
  session_.services.admission.refusals().login_refused(
      session_.listener_config().text, session_.origin.address, name_of(mechanism_),
      name_of(result), cause_of_login(result), name, now_ms());
  if (result == imap::LoginResult::Unavailable && server != nullptr) {
    report_unavailable(*server, trouble);
  }
  if (result == imap::LoginResult::PrivacyRequired && server != nullptr &&
      !session_.services.dial.facts.wants_privacy[server->label].exchange(true)) {
    log::warn("server wants a secured hop for logins",
              {{"backend", session_.pool->config().name},
               {"server", name},
               {"cause", name_of(Cause::BackendPrivacyRequired)},
               {"advice", describe(Cause::BackendPrivacyRequired).fix}});
  }
}

// A server that cannot log users in concerns the operator; that it is one and the same for hundreds
// of clients is a line for each minute, of all workers together.
void LoginWatch::report_unavailable(const BackendServer& server, const Trouble& trouble) {
  MinuteCount& count = session_.services.dial.facts.unavailable[server.label];
  if (const auto now = count.add(now_ms())) {
    count.clear();
    log::warn("logins unavailable", {{"backend", session_.pool->config().name},
                                     {"server", server.text},
                                     {"count", *now},
                                     log::Field::optional("code", trouble.code),
                                     log::Field::optional("said", trouble.words)});
  }
}

// What keeps everybody waiting when one guesses, unless the server learns who the clients are.
void LoginWatch::report_late(uint64_t took_us) {
  const BackendServer* server = session_.slot.server();
  if (server == nullptr || session_.pool->config().client_identity != ClientIdentity::None) {
    return;
  }
  constexpr Cause kCause = Cause::BackendAuthPenalty;
  BackendFacts& facts = session_.services.dial.facts;
  facts.failures.add(kCause, session_.pool->label(),
                     [&] { return FailureBook::Details{.server = server->text}; });
  MinuteCount& count = facts.answered_late[server->label];
  if (const auto now = count.add(now_ms())) {
    count.clear();
    log::warn("logins answered late", {{"backend", session_.pool->config().name},
                                       {"server", server->text},
                                       {"count", *now},
                                       {"answered_ms", took_us / 1000},
                                       {"cause", name_of(kCause)},
                                       {"advice", describe(kCause).fix}});
  }
}

// Guesses from many addresses look the same as a server whose user database has gone.
void LoginWatch::report_failures_in_a_row() {
  const BackendServer* server = session_.slot.server();
  if (server == nullptr) {
    return;
  }
  MinuteCount& count = session_.services.dial.facts.failed_in_a_row[server->label];
  if (const auto in_a_row = count.add(now_ms(), BackendFacts::kManyInARow)) {
    log::warn("no login succeeds",
              {{"backend", session_.pool->config().name},
               {"server", server->text},
               {"failed_in_a_row", *in_a_row},
               {"advice",
                "if users are among them, the server's own log says why, and "
                "limits.login_failures bans them until it is mended; else somebody guesses"}});
  }
}

std::string LoginWatch::server_name() const {
  const BackendServer* server = session_.slot.server();
  return server != nullptr ? server->text : std::string();
}

void LoginWatch::on_sasl_turn(bool of_client) {
  of_client ? observer_.on_login_awaits_client() : observer_.on_login_sent();
}

void LoginWatch::on_unauthenticated() {
  logged_in_ = false;
  log_state(session_, "logged out");
  session_.tls->wipe_what_was_read(true);
  authenticated_.release();
  observer_.on_logged_out();
}

void LoginWatch::on_idle(bool idling) {
  log_state(session_, idling ? "idle" : "busy");
  idling_ = idling ? ScopedGauge(counters().cell<Metric::SessionsIdle>()) : ScopedGauge();
}

void LoginWatch::on_opaque() {
  is_opaque_ = true;
  log_state(session_, "compressed");
  opaque_ = ScopedGauge(counters().cell<Metric::SessionsOpaque>());
}

void LoginWatch::on_command_refused(imap::CommandRefusal reason) {
  counters().count<Metric::CommandsRefused>(reason);
  if (reason == imap::CommandRefusal::Starttls) {
    counters().count<Metric::StarttlsRefused>();
  }
}

void LoginWatch::on_id_fields_dropped(unsigned count) {
  counters().add<Metric::IdFieldsDropped>(count);
}

void LoginWatch::on_command_ended(imap::Command command, imap::CommandResult result,
                                  uint32_t sent_ms) {
  if (session_.slot.server() == nullptr) {
    return;  // the gateway has answered it
  }
  answered_ = answered_ || result == imap::CommandResult::Ok || result == imap::CommandResult::No;
  if (!session_.config().command_metrics) {
    return;
  }
  CommandMeter& meter = session_.services.commands;
  meter.count(command, result);
  if (sent_ms != 0 && result != imap::CommandResult::Abandoned) {
    meter.answered(command, clock_ms() - sent_ms);
  }
}

uint64_t LoginWatch::answer_at_ms() const {
  return attempt_started_us_ / 1000 + kAnswerMs;
}

void LoginWatch::release() {
  authenticated_.release();
  idling_.release();
  opaque_.release();
  attempt_.reset();
}

}  // namespace postern
