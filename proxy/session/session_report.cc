// What a session tells of itself: figures that are counted in more than one place, and the log line
// of its end.
#include <string>

#include "proxy/backend/label_values.h"
#include "proxy/log/log.h"
#include "proxy/session/messages.h"
#include "proxy/session/session.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

// In clear a reason costs nothing. On 993 it would cost a handshake, which is what is scarce.
void Session::refuse(const SessionServices& services, const ListenerConfig& listener, size_t index,
                     Refusal refusal, std::unique_ptr<net::TcpStream> client) {
  if (listener.tls == ListenerTls::StartTls) {
    client->write(as_bytes(bye_for(refusal)));
  }
  services.dial.counters.count<Metric::SessionsTotal>(ListenerLabel{index}, end_reason(refusal));
  services.admission.refusals().refused(listener.text, client->remote(), refusal,
                                        services.dial.loop.now_ms());
  client->abort();
  services.dial.loop.retire(std::move(client));
}

void Session::count_proxy_header(const char* label) {
  counters().count<Metric::ProxyHeaders>(ListenerLabel{listener_},
                                         services_.dial.labels.index_of<Label::ProxyHeader>(label));
}

void Session::count_handshake_failure(const char* label) {
  counters().count<Metric::HandshakeFailures>(
      ListenerLabel{listener_}, services_.dial.labels.index_of<Label::TlsFailure>(label));
  count_shadow_refusal();
}

void Session::count_shadow_refusal() {
  if (client_ == nullptr) {
    return;  // it has not said a word
  }
  if (const auto refusal = client_->engine().shadow_refusal()) {
    const char* label = tls::failure_label(*refusal);
    counters().count<Metric::ShadowRefusals>(
        services_.dial.labels.index_of<Label::ShadowReason>(label));
  }
}

std::string Session::client_certificate() const {
  return handshake_ ? client_->engine().peer_subject() : "";
}

// Says what happened; who is to be kept out for it is the guard's to decide.
void Session::login_failed(imap::LoginResult result, uint64_t user) {
  LoginGuard::Verdict verdict;
  const auto& rules = snapshot_->config->limits.login_failures;
  if (rules.has_value()) {
    verdict = services_.admission.logins().failed(*rules, address_, user, loop().now_ms());
  }
  log::info("login failed", {{"listener", listener().text},
                             {"client", address_.text()},
                             {"mechanism", imap::mechanism_label(mechanism_)},
                             {"result", imap::login_result_label(result)},
                             {"failures", verdict.failures}});
  if (!verdict.counted) {
    return;
  }
  counters().count<Metric::LoginFailuresCounted>();
  if (verdict.ban_began) {
    counters().count<Metric::LoginBans>();
    log::warn("client banned", {{"client", address_.text()},
                                {"failures", verdict.failures},
                                {"seconds", rules->ban_ms / 1000}});
  }
  if (result == imap::LoginResult::Abandoned) {
    return;  // nobody is there to be answered, late or at all
  }
  if (verdict.delay_ms > 0) {
    counters().observe<Metric::LoginFailureDelay>(verdict.delay_ms * 1000);
  }
  relay_->hold_answer(verdict.delay_ms, EndReason::Banned, verdict.banned ? kBanned : "");
}

// The server has said no for another reason than the secret.
void Session::login_refused(imap::LoginResult result) {
  const BackendServer* server = place_.server();
  const std::string name = server != nullptr ? server->text : std::string();
  services_.admission.refusals().login_refused(
      listener().text, address_, imap::mechanism_label(mechanism_),
      imap::login_result_label(result), name, loop().now_ms());
  if (result == imap::LoginResult::PrivacyRequired && server != nullptr &&
      !services_.dial.facts.wants_privacy[server->label].exchange(true)) {
    log::warn("server wants a secured hop for logins",
              {{"server", name},
               {"advice",
                "Dovecot: put postern's address into login_trusted_networks, or announce clients "
                "with client_identity and haproxy_trusted_networks; any server: `tls: starttls` or "
                "`implicit` at the backend"}});
  }
}

void Session::log_end() {
  if (refusal_) {
    services_.admission.refusals().refused(listener().text, address_, *refusal_, loop().now_ms());
    return;
  }
  const BackendServer* server = place_.server();
  log::info("session ended",
            {{"listener", listener().text},
             {"client", address_.text()},
             {"proxy", announced_ != nullptr ? announced_->proxy.text() : std::string()},
             {"reason", name_of(*reason_)},
             {"error", error_ ? error_.text() : std::string()},
             {"server", server != nullptr ? server->text : std::string()},
             {"session", id_ != 0 ? session_id_text(id_) : std::string()},
             {"tls", handshake_ ? tls::version_name(handshake_->version) : ""},
             {"cipher", handshake_ ? tls::cipher_names()[handshake_->cipher] : ""},
             {"client_certificate", client_certificate()},
             {"login", logged_in_ ? imap::mechanism_label(mechanism_) : ""},
             {"bytes_in", bytes_in_},
             {"bytes_out", bytes_out_},
             {"duration_ms", (net::Loop::now_us() - accepted_us_) / 1000}});
}

}  // namespace postern
