// What the log says of a session: one line once it has ended, and at debug its way to there. Loop's
// thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/relay/end_reason.h"
#include "proxy/session/context.h"
#include "tls/engine.h"

namespace postern {

// Texts are empty where there is nothing to say.
struct SessionRecord {
  std::string listener;
  std::string client;
  std::string proxy = {};  // the load balancer that announced the client
  EndReason reason;
  const char* cause = "";  // what lies behind the reason, if that is more than its word
  Error error = {};
  std::string reason_of_tls = {};  // BoringSSL's word for what failed
  std::string alert = {};          // by IANA's name
  const char* alert_from = "";     // "client" or "postern"
  const char* means = "";          // what the client's alert means to the operator
  std::string sni = {};
  bool sni_in_certificate = true;  // false: no certificate has that name
  std::string backend = {};        // its name in the configuration
  std::string server = {};
  std::string session = {};       // the id in the server's log, by client_identity
  std::string offered = {};       // the highest TLS version that the client offers
  std::string alpn_offered = {};  // without imap among it
  std::string tls = {};           // version
  std::string cipher = {};
  std::string group = {};
  std::string backend_tls = {};  // version
  std::string backend_group = {};
  std::string client_certificate = {};  // its subject
  std::string login = {};               // the mechanism
  bool compress = false;
  bool silent = false;  // the client has not sent one byte
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t duration_ms = 0;
};

// At debug for a probe, and for a client that came and went without a byte, as port checks do.
void log_session_end(const SessionRecord& record);

// All that follows is written at debug.
void log_accepted(const SessionContext& session);
void log_handshake(const SessionContext& session, const tls::Handshake& handshake);
void log_connected(const SessionContext& session);
void log_login_answered(const SessionContext& session, std::string_view mechanism,
                        std::string_view result, uint64_t duration_us);
// What the conversation has come to: "idle", "compressed".
void log_state(const SessionContext& session, std::string_view state);

}  // namespace postern
