#include "proxy/session/internal/session_log.h"

#include "proxy/log/log.h"

namespace postern {

using log::Field;

namespace {

// The fields cost something, so they are made only for a line that is written.
bool is_quiet() {
  return !log::enabled(log::Level::Debug);
}

bool is_without_interest(const SessionRecord& record) {
  return record.reason == EndReason::Probe ||
         (record.silent &&
          (record.reason == EndReason::ClientClosed || record.reason == EndReason::ClientFailed));
}

uint64_t age_ms(const SessionContext& session) {
  return (net::Loop::now_us() - session.accepted_us) / 1000;
}

}  // namespace

void log_session_end(const SessionRecord& record) {
  const char* const reason = name_of(record.reason);
  log::write(is_without_interest(record) ? log::Level::Debug : log::Level::Info, "session ended",
             {{"listener", record.listener},
              {"client", record.client},
              Field::optional("proxy", record.proxy),
              {"reason", reason},
              Field::optional("cause", record.cause),
              Field::optional("error", record.error ? record.error.text() : std::string()),
              Field::optional("detail", record.reason_of_tls),
              Field::optional("alert", record.alert),
              Field::optional("alert_from", record.alert_from),
              Field::optional("means", record.means),
              Field::optional("sni", record.sni),
              Field::optional("sni_in_certificate", record.sni_in_certificate ? "" : "no"),
              Field::optional("backend", record.backend),
              Field::optional("server", record.server),
              Field::optional("session", record.session),
              Field::optional("offered", record.offered),
              Field::optional("alpn_offered", record.alpn_offered),
              Field::optional("tls", record.tls),
              Field::optional("cipher", record.cipher),
              Field::optional("group", record.group),
              Field::optional("backend_tls", record.backend_tls),
              Field::optional("backend_group", record.backend_group),
              Field::optional("client_certificate", record.client_certificate),
              Field::optional("login", record.login),
              Field::optional("compress", record.compress ? "yes" : ""),
              {"bytes_in", record.bytes_in},
              {"bytes_out", record.bytes_out},
              {"duration_ms", record.duration_ms}},
             {.key = "reason", .value = reason});
}

void log_accepted(const SessionContext& session) {
  if (is_quiet()) {
    return;
  }
  log::debug("client accepted", {{"listener", session.listener_config().text},
                                 {"client", session.origin.address.text()}});
}

void log_handshake(const SessionContext& session, const tls::Handshake& handshake) {
  if (is_quiet()) {
    return;
  }
  log::debug("handshake done", {{"client", session.origin.address.text()},
                                Field::optional("sni", session.tls->engine().server_name()),
                                {"tls", name_of(handshake.version)},
                                {"cipher", tls::cipher_names()[handshake.cipher]},
                                {"group", tls::group_names()[handshake.group]},
                                {"resumed", handshake.resumed ? "yes" : "no"},
                                {"age_ms", age_ms(session)}});
}

void log_connected(const SessionContext& session) {
  const BackendServer* server = session.slot.server();
  if (is_quiet() || server == nullptr) {
    return;
  }
  log::debug("backend connected", {{"client", session.origin.address.text()},
                                   {"server", server->text},
                                   {"age_ms", age_ms(session)}});
}

void log_login_answered(const SessionContext& session, std::string_view mechanism,
                        std::string_view result, uint64_t duration_us) {
  if (is_quiet()) {
    return;
  }
  log::debug("login answered", {{"client", session.origin.address.text()},
                                {"mechanism", mechanism},
                                {"result", result},
                                {"duration_ms", duration_us / 1000}});
}

void log_state(const SessionContext& session, std::string_view state) {
  if (is_quiet()) {
    return;
  }
  log::debug("session state", {{"client", session.origin.address.text()}, {"state", state}});
}

}  // namespace postern
