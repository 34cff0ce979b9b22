#include "proxy/session/session_log.h"

#include "proxy/log/log.h"

namespace postern {

void log_session_end(const SessionRecord& record) {
  log::info("session ended", {{"listener", record.listener},
                              {"client", record.client},
                              {"proxy", record.proxy},
                              {"reason", name_of(record.reason)},
                              {"error", record.error ? record.error.text() : std::string()},
                              {"server", record.server},
                              {"session", record.session},
                              {"tls", record.tls},
                              {"cipher", record.cipher},
                              {"client_certificate", record.client_certificate},
                              {"login", record.login},
                              {"bytes_in", record.bytes_in},
                              {"bytes_out", record.bytes_out},
                              {"duration_ms", record.duration_ms}});
}

}  // namespace postern
