#include "proxy/pool/health_log.h"

#include <utility>

#include "proxy/log/log.h"

namespace postern {
namespace {

// "legacy mail1.internal:143 192.0.2.1:143"
std::string subject(const Pool& pool, const BackendServer& server, const net::Address& address) {
  std::string text = pool.config().name + " " + server.text;
  if (const std::string endpoint = endpoint_text(server, address); !endpoint.empty()) {
    text.append(" ").append(endpoint);
  }
  return text;
}

}  // namespace

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

void log_down(log::Journal& changes, const Pool& pool, BackendServer& server,
              const net::Address& address, const Error& error, Cause cause) {
  log::write(server.down() ? log::Level::Warn : log::Level::Info, "backend is down",
             {{"backend", pool.config().name},
              {"server", server.text},
              log::Field::optional("address", endpoint_text(server, address)),
              {"reason", error.label()},
              {"cause", name_of(cause)}});
  changes.add("backend is down", subject(pool, server, address), name_of(cause));
}

void log_serves_again(log::Journal& changes, const Pool& pool, const BackendServer& server,
                      const net::Address& address) {
  log::info("backend serves again",
            {{"backend", pool.config().name},
             {"server", server.text},
             log::Field::optional("address", endpoint_text(server, address))});
  changes.add("backend serves again", subject(pool, server, address));
}

}  // namespace postern
