#include "proxy/process/listening_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "proxy/log/log.h"
#include "proxy/net/listener.h"

namespace postern {

namespace {

constexpr unsigned kDeferAcceptS = 5;

net::ListenOptions options_for(ListenerTls mode) {
  net::ListenOptions options;
  options.accepted = net::kLongLived;
  if (mode == ListenerTls::Implicit) {  // the client speaks first there
    options.defer_accept_s = kDeferAcceptS;
  }
  return options;
}

void close_all(const ListeningSockets& sockets) {
  for (const auto& of_worker : sockets.of_workers) {
    for (const ListeningSocket& socket : of_worker) {
      close(socket.fd);
    }
  }
  if (sockets.admin >= 0) {
    close(sockets.admin);
  }
}

// Opens one for each worker on the same address.
std::vector<int> open_new(net::Address address, size_t workers, const net::ListenOptions& options,
                          Faults& faults) {
  std::vector<int> opened;
  for (size_t i = 0; i < workers; ++i) {
    const auto socket = net::open_listening_socket(address, options);
    if (!socket) {
      append(faults, socket.faults());
      return opened;
    }
    opened.push_back(socket.value());
    address = net::bound_address(socket.value());
  }
  return opened;
}

void open_listener(const Config& config, size_t index, InheritedSockets& inherited,
                   ListeningSockets& sockets, Faults& faults) {
  const ListenerConfig& listener = config.listeners[index];
  const net::ListenOptions options = options_for(listener.tls);
  const size_t workers = sockets.of_workers.size();
  std::vector<int> fds = inherited.take(listener.address, socket_name(listener.text));
  const bool taken_over = !fds.empty();
  for (const int fd : fds) {
    if (const auto adopted = net::adopt_listening_socket(fd, options); !adopted) {
      append(faults, adopted.faults());
    }
  }
  if (!taken_over) {
    fds = open_new(listener.address, workers, options, faults);
  }
  const size_t count = fds.size();
  for (size_t i = 0; count > 0 && i < std::max(workers, count); ++i) {
    const int fd = i < count ? fds[i] : fcntl(fds[i % count], F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
      append(faults, {{listener.text, "no descriptor for a further worker: " +
                                          std::generic_category().message(errno)}});
      return;
    }
    sockets.of_workers[i % workers].push_back({.listener = index, .fd = fd});
  }
  if (count > 0) {
    log::info("listening", {{"address", net::bound_address(fds.front()).text()},
                            {"tls", name_of(listener.tls)},
                            {"inherited", taken_over ? "yes" : "no"}});
  }
}

void open_admin(const net::Address& address, InheritedSockets& inherited, ListeningSockets& sockets,
                Faults& faults) {
  const net::ListenOptions options{.reuse_port = false};
  const std::vector<int> fds = inherited.take(address, kAdminSocket);
  const auto opened = fds.empty() ? net::open_listening_socket(address, options)
                                  : net::adopt_listening_socket(fds.front(), options);
  for (size_t i = 1; i < fds.size(); ++i) {
    close(fds[i]);
  }
  if (!opened) {
    for (const Fault& fault : opened.faults()) {
      faults.push_back({"admin.address " + fault.where, fault.message});
    }
    return;
  }
  sockets.admin = opened.value();
  log::info("admin listening", {{"address", net::bound_address(sockets.admin).text()}});
}

// Where sockets were handed over, the process that has them open is this one's predecessor.
Faults find_rivals(const Config& config, const InheritedSockets& inherited) {
  Faults faults;
  for (const ListenerConfig& listener : config.listeners) {
    if (const auto rival = net::find_rival(listener.address); rival && inherited.left().empty()) {
      faults.push_back(*rival);
    }
  }
  return faults;
}

}  // namespace

Result<ListeningSockets> open_listening_sockets(const Config& config, InheritedSockets& inherited) {
  if (const Faults rivals = find_rivals(config, inherited); !rivals.empty()) {
    return rivals;
  }
  ListeningSockets sockets;
  sockets.of_workers.resize(config.workers);
  Faults faults;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    open_listener(config, i, inherited, sockets, faults);
  }
  if (config.admin) {
    open_admin(*config.admin, inherited, sockets, faults);
  }
  for (const InheritedSockets::Socket& socket : inherited.left()) {
    log::warn("inherited socket closed, no listener has its address",
              {{"address", socket.address.text()}, {"name", socket.name}});
  }
  inherited.close_left();
  if (!faults.empty()) {
    close_all(sockets);
    return faults;
  }
  return sockets;
}

std::vector<NamedSocket> named_sockets(const ListeningSockets& sockets, const Config& config) {
  std::vector<NamedSocket> named;
  for (const auto& of_worker : sockets.of_workers) {
    for (const ListeningSocket& socket : of_worker) {
      named.push_back({socket_name(config.listeners[socket.listener].text), socket.fd});
    }
  }
  if (sockets.admin >= 0) {
    named.push_back({kAdminSocket, sockets.admin});
  }
  return named;
}

}  // namespace postern
