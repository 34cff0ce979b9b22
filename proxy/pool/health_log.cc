#include "proxy/pool/health_log.h"

#include "proxy/log/log.h"

namespace postern {

void log_down(const Pool& pool, BackendServer& server, const net::Address& address,
              const Error& error) {
  log::write(server.down() ? log::Level::Warn : log::Level::Info, "backend is down",
             {{"backend", pool.config().name},
              {"server", server.text},
              log::Field::optional("address", endpoint_text(server, address)),
              {"reason", error.label()}});
}

void log_serves_again(const Pool& pool, const BackendServer& server, const net::Address& address) {
  log::info("backend serves again",
            {{"backend", pool.config().name},
             {"server", server.text},
             log::Field::optional("address", endpoint_text(server, address))});
}

}  // namespace postern
