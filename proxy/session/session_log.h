// What the log says of a session once it has ended. Values; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/error.h"
#include "proxy/session/end_reason.h"

namespace postern {

// Texts are empty where there is nothing to say.
struct SessionRecord {
  std::string listener;
  std::string client;
  std::string proxy;  // the load balancer that announced the client
  EndReason reason;
  Error error;
  std::string server;
  std::string session;  // the id in the server's log, by client_identity
  std::string tls;      // version
  std::string cipher;
  std::string client_certificate;  // its subject
  std::string login;               // the mechanism
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t duration_ms = 0;
};

void log_session_end(const SessionRecord& record);

}  // namespace postern
