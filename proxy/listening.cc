#include "proxy/listening.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "proxy/log.h"
#include "proxy/net/listener.h"

namespace postern {

namespace {

constexpr unsigned kKeepaliveIdleS = 120;  // below the five minutes after which many NATs forget
constexpr unsigned kDeferAcceptS = 5;

net::ListenOptions options_for(ListenerTls mode) {
  net::ListenOptions options;
  options.accepted.keepalive_idle_s = kKeepaliveIdleS;
  if (mode == ListenerTls::Implicit) {  // the client speaks first there
    options.defer_accept_s = kDeferAcceptS;
  }
  return options;
}

void close_all(const ListeningSockets& sockets) {
  for (const auto& of_worker : sockets.of_workers) {
    for (const int fd : of_worker) {
      close(fd);
    }
  }
  if (sockets.admin >= 0) {
    close(sockets.admin);
  }
}

// One socket for each worker on the same address.
void open_listener(const ListenerConfig& listener, ListeningSockets& sockets, Faults& faults) {
  net::Address address = listener.address;
  for (auto& of_worker : sockets.of_workers) {
    const auto opened = net::open_listening_socket(address, options_for(listener.tls));
    if (!opened) {
      faults.insert(faults.end(), opened.faults().begin(), opened.faults().end());
      return;
    }
    of_worker.push_back(opened.value());
    address = net::bound_address(opened.value());
  }
  log::info("listening", {{"address", address.text()}, {"tls", name_of(listener.tls)}});
}

void open_admin(const net::Address& address, ListeningSockets& sockets, Faults& faults) {
  const auto opened = net::open_listening_socket(address, {.backlog = 128, .reuse_port = false});
  if (!opened) {
    faults.insert(faults.end(), opened.faults().begin(), opened.faults().end());
    return;
  }
  sockets.admin = opened.value();
  log::info("admin listening", {{"address", net::bound_address(sockets.admin).text()}});
}

}  // namespace

Result<ListeningSockets> open_listening_sockets(const Config& config) {
  ListeningSockets sockets;
  sockets.of_workers.resize(config.workers);
  Faults faults;
  for (const ListenerConfig& listener : config.listeners) {
    open_listener(listener, sockets, faults);
  }
  if (config.admin) {
    open_admin(*config.admin, sockets, faults);
  }
  if (!faults.empty()) {
    close_all(sockets);
    return faults;
  }
  return sockets;
}

void raise_file_limit(const Config& config) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // Two descriptors a session, and what the process itself has open.
  const rlim_t own = 64 + config.workers * (config.listeners.size() + 8);
  const rlim_t needed = 2 * config.limits.sessions + own;
  if (limit.rlim_max < needed) {
    log::warn("file descriptors may run out before limits.sessions is reached",
              {{"limit", limit.rlim_max},
               {"needed", needed},
               {"sessions_possible", limit.rlim_max > own ? (limit.rlim_max - own) / 2 : 0},
               {"advice", "raise LimitNOFILE (ulimit -n) or lower limits.sessions"}});
  }
}

}  // namespace postern
