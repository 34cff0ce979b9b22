// What a session leaves on record: the reason that counts, and the line of the log.
#include "proxy/backend/backend_labels.h"
#include "proxy/cause/cause.h"
#include "proxy/log/log.h"
#include "proxy/session/internal/client_cause.h"
#include "proxy/session/session.h"

namespace postern {

// What a probe does is no failure. An end that the backend or postern brings about keeps its
// reason.
EndReason Session::reason_on_record(EndReason reason) const {
  switch (reason) {
    case EndReason::ClientClosed:
    case EndReason::ClientLogout:
    case EndReason::ClientFailed:
    case EndReason::ClientViolation:
    case EndReason::HandshakeFailed:
    case EndReason::HandshakeTimeout:
    case EndReason::LoginTimeout:
    case EndReason::ProxyHeaderMissing:
    case EndReason::ProxyHeaderInvalid:
    case EndReason::ProxyHeaderTimeout:
      return !logged_in() && context_.from_probes() ? EndReason::Probe : reason;
    default:
      return reason;
  }
}

// A server greets before it reads the PROXY header: one that does not expect it greets, says BAD to
// its lines, perhaps BYE, and hangs up.
bool Session::broke_off_on_header(EndReason reason) const {
  constexpr uint64_t kSoonUs = 10'000'000;  // else it may have restarted, or the client kept silent
  if (is_unexpected_header(error_)) {       // it has said so under the header's own tag
    return true;
  }
  const bool by_backend = reason == EndReason::BackendClosed || reason == EndReason::BackendFailed;
  const ClientIdentity way = context_.pool->config().client_identity;
  return by_backend && is_header(way) && !watch_->answered() && !logged_in() &&
         net::Loop::now_us() - context_.accepted_us < kSoonUs;
}

void Session::report_unexpected_header() {
  const BackendServer* server = context_.slot.server();
  const auto trial = std::exchange(trial_, nullptr);
  if (server == nullptr || trial == nullptr) {
    return;
  }
  trial->failed(error_);
  MinuteCount& count = context_.services.dial.facts.header_unexpected[server->label];
  if (const auto now = count.add(context_.loop().now_ms())) {
    constexpr Cause kCause = Cause::BackendProxyHeaderUnexpected;
    count.clear();
    log::warn("backend failed", {{"backend", context_.pool->config().name},
                                 {"server", server->text},
                                 {"reason", error_.label()},
                                 {"cause", name_of(kCause)},
                                 {"error", error_},
                                 {"sent", "a PROXY header"},
                                 {"sessions", *now},
                                 {"advice", fix_for(kCause, "")}});
  }
}

// A line that is not written costs nothing.
void Session::log_end() const {
  if (log::enabled(log::Level::Info)) {
    log_session_end(record());
  }
}

// The attempts have booked why each server failed.
Cause Session::cause_to_book() const {
  if (refusal_) {
    return kRefusalCauses[refusal_->why];
  }
  const Cause cause = cause_of_record();
  const bool attempted = cause != Cause::BackendDrained && cause != Cause::UserHeld;
  return *reason_ == EndReason::BackendUnavailable && attempted ? Cause::BackendUnavailable : cause;
}

// A port check is no failure.
void Session::book_end() const {
  const bool calm = describe(kEndReasonCauses[*reason_]).symptom == Symptom::NothingWrong;
  if (!refusal_ && (calm || (silent_ && *reason_ == EndReason::ClientFailed))) {
    return;
  }
  const size_t backend = led_to() != nullptr ? led_to()->label() : FailureBook::kNoBackend;
  context_.services.dial.facts.failures.add(cause_to_book(), backend, [this] {
    const BackendServer* server = context_.slot.server();
    return FailureBook::Details{.client = context_.origin.address.ip_text(),
                                .server = server != nullptr ? server->text : "",
                                .said = error_ ? error_.text() : ""};
  });
}

SessionRecord Session::record() const {
  const BackendServer* server = context_.slot.server();
  SessionRecord record{
      .listener = context_.listener_config().text,
      .client = context_.origin.address.text(),
      .proxy = context_.origin.announced != nullptr ? context_.origin.announced->proxy.text() : "",
      .reason = *reason_,
      .error = error_,
      .backend = led_to() != nullptr ? led_to()->config().name : "",
      .server = server != nullptr ? server->text : "",
      .session = id_ != 0 ? session_id_text(id_) : "",
      .login = logged_in() ? name_of(watch_->mechanism()) : "",
      .compress = watch_.has_value() && watch_->opaque(),
      .silent = silent_,
      .bytes_in = relay_ != nullptr ? relay_->bytes_from_client() : 0,
      .bytes_out = relay_ != nullptr ? relay_->bytes_to_client() : 0,
      .duration_ms = (net::Loop::now_us() - context_.accepted_us) / 1000};
  if (backend_handshake_) {
    record.backend_tls = name_of(backend_handshake_->version);
    record.backend_group = tls::group_names()[backend_handshake_->group];
  }
  if (context_.tls != nullptr) {
    describe_tls(context_.tls->engine(), record);
  }
  if (const Cause cause = cause_of_record(); cause != kEndReasonCauses[*reason_]) {
    record.cause = name_of(cause);
  }
  return record;
}

Cause Session::cause_of_record() const {
  const auto alert = context_.tls != nullptr ? context_.tls->engine().alert() : std::nullopt;
  const bool by_client = alert && !alert->ours;
  const Cause cause =
      cause_of_end(*reason_, error_, by_client ? std::optional(alert->code) : std::nullopt);
  constexpr auto kRejected = static_cast<int32_t>(tls::Failure::PeerRejectedCertificate);
  if (context_.tls == nullptr || error_.domain != &tls::kTlsDomain || error_.code != kRejected) {
    return cause;
  }
  const tls::ServerContext& context = *context_.snapshot->contexts[context_.listener];
  const auto& served =
      context.settings().certificates->served(context_.tls->engine().server_name());
  return fault_of(served, tls::wall_clock_s()).value_or(cause);
}

void Session::describe_tls(const tls::Engine& engine, SessionRecord& record) const {
  record.sni = engine.server_name();
  const tls::ServerContext& context = *context_.snapshot->contexts[context_.listener];
  record.sni_in_certificate =
      record.sni.empty() || context.settings().certificates->has_name(record.sni);
  if (const auto& offer = engine.hello().highest_offer) {
    record.offered = name_of(*offer);
  }
  if (const auto& alpn = engine.hello().alpn_offer) {
    record.alpn_offered = *alpn;
  }
  if (handshake_) {
    record.tls = name_of(handshake_->version);
    record.cipher = tls::cipher_names()[handshake_->cipher];
    record.group = tls::group_names()[handshake_->group];
    record.client_certificate = engine.peer_subject();
  }
  if (error_.domain != &tls::kTlsDomain) {
    return;
  }
  record.reason_of_tls = engine.reason();
  if (const auto alert = engine.alert()) {
    record.alert = tls::alert_name(alert->code);
    record.alert_from = alert->ours ? "postern" : "client";
    record.means = alert->ours ? "" : tls::alert_meaning(alert->code);
  }
}

}  // namespace postern
