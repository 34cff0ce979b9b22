#include "proxy/pool/health_log.h"

#include <utility>

#include "proxy/log/log.h"

namespace postern {

void log_failed(const Pool& pool, const BackendServer& server, const Error& error, Cause cause,
                std::string address) {
  log::warn("backend failed", {{"backend", pool.config().name},
                               {"server", server.text},
                               log::Field::optional("address", std::move(address)),
                               {"reason", error.label()},
                               {"cause", name_of(cause)},
                               {"error", error},
                               {"advice", describe(cause).fix}});
}

void log_down(const Pool& pool, BackendServer& server, const net::Address& address,
              const Error& error, Cause cause) {
  log::write(server.down() ? log::Level::Warn : log::Level::Info, "backend is down",
             {{"backend", pool.config().name},
              {"server", server.text},
              log::Field::optional("address", endpoint_text(server, address)),
              {"reason", error.label()},
              {"cause", name_of(cause)}});
}

void log_serves_again(const Pool& pool, const BackendServer& server, const net::Address& address) {
  log::info("backend serves again",
            {{"backend", pool.config().name},
             {"server", server.text},
             log::Field::optional("address", endpoint_text(server, address))});
}

}  // namespace postern
