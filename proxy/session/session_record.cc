// What a session leaves on record: the reason that counts, and the line of the log.
#include "proxy/session/session.h"

namespace postern {

// A probe has no failure. What the backend or postern did is told as ever.
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

SessionRecord Session::record() const {
  const BackendServer* server = context_.slot.server();
  const tls::Engine* engine = context_.tls != nullptr ? &context_.tls->engine() : nullptr;
  const bool failed = engine != nullptr && error_.domain == &tls::kTlsDomain;
  const auto alert = failed ? engine->alert() : std::nullopt;
  const auto offer = engine != nullptr ? engine->hello().highest_offer : std::nullopt;
  const auto* alpn = engine != nullptr ? engine->hello().alpn_offer.get() : nullptr;
  return {
      .listener = context_.listener_config().text,
      .client = context_.origin.address.text(),
      .proxy = context_.origin.announced != nullptr ? context_.origin.announced->proxy.text() : "",
      .reason = *reason_,
      .error = error_,
      .reason_of_tls = failed ? engine->reason() : "",
      .alert = alert ? tls::alert_name(alert->code) : "",
      .alert_from = !alert        ? ""
                    : alert->ours ? "postern"
                                  : "client",
      .means = alert && !alert->ours ? tls::alert_meaning(alert->code) : "",
      .sni = engine != nullptr ? engine->server_name() : "",
      .backend = context_.pool != nullptr ? context_.pool->config().name : "",
      .server = server != nullptr ? server->text : "",
      .session = id_ != 0 ? session_id_text(id_) : "",
      .offered = offer ? name_of(*offer) : "",
      .alpn_offered = alpn != nullptr ? *alpn : "",
      .tls = handshake_ ? name_of(handshake_->version) : "",
      .cipher = handshake_ ? tls::cipher_names()[handshake_->cipher] : "",
      .group = handshake_ ? tls::group_names()[handshake_->group] : "",
      .client_certificate = handshake_ ? context_.tls->engine().peer_subject() : "",
      .login = logged_in() ? name_of(watch_->mechanism()) : "",
      .compress = watch_.has_value() && watch_->opaque(),
      .silent = silent_,
      .bytes_in = relay_ != nullptr ? relay_->bytes_from_client() : 0,
      .bytes_out = relay_ != nullptr ? relay_->bytes_to_client() : 0,
      .duration_ms = (net::Loop::now_us() - context_.accepted_us) / 1000};
}

}  // namespace postern
