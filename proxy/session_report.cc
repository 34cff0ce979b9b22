// What a session tells of itself: figures that are counted in more than one place, and the log line
// of its end.
#include <string>

#include "proxy/log.h"
#include "proxy/session.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

void Session::count_handshake_failure(const char* label) {
  counters().count(Metric::HandshakeFailures,
                   {listener_, services_.dial.labels.index_of(Label::TlsFailure, label)});
  count_shadow_refusal();
}

void Session::count_shadow_refusal() {
  if (const auto refusal = client_->engine().shadow_refusal()) {
    const char* label = tls::failure_label(*refusal);
    counters().count(Metric::ShadowRefusals,
                     {services_.dial.labels.index_of(Label::ShadowReason, label)});
  }
}

std::string Session::client_certificate() const {
  return handshake_ ? client_->engine().peer_subject() : "";
}

void Session::log_end() {
  const BackendServer* server = place_.server();
  log::info("session ended", {{"listener", listener().text},
                              {"client", address_.text()},
                              {"reason", name_of(*reason_)},
                              {"error", error_ ? error_.text() : std::string()},
                              {"server", server != nullptr ? server->text : std::string()},
                              {"tls", handshake_ ? tls::version_name(handshake_->version) : ""},
                              {"cipher", handshake_ ? tls::cipher_names()[handshake_->cipher] : ""},
                              {"client_certificate", client_certificate()},
                              {"login", logged_in_ ? imap::mechanism_label(mechanism_) : ""},
                              {"bytes_in", bytes_in_},
                              {"bytes_out", bytes_out_},
                              {"duration_ms", (net::Loop::now_us() - accepted_us_) / 1000}});
}

}  // namespace postern
