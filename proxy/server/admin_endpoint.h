// Admin: the HTTP endpoint for Prometheus and probes: one listener on the main loop, AdminHttp on
// each connection, bounded in number, time and memory. Main thread only; `source` outlives it.
#pragma once

#include <cstddef>
#include <memory>

#include "metrics/admin_http.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/net/deadline.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"

namespace postern {

class Admin final : private net::AcceptObserver {
 public:
  static constexpr size_t kMaxConnections = 128;

  // Takes over the listening `socket`.
  Admin(net::Loop& loop, int socket, metrics::AdminSource& source);
  ~Admin();
  void start();
  // Another process listens now: stops accepting and ends what is between two requests.
  void hand_over();
  // Stops accepting and ends all connections.
  void close();

 private:
  class Connection;
  void on_accept(std::unique_ptr<net::TcpStream> client) override;
  void on_accept_failure(const Error& error) override;

  net::Loop& loop_;
  metrics::AdminSource& source_;
  net::Listener listener_;
  IntrusiveList<Connection> connections_;
  size_t count_ = 0;
};

}  // namespace postern
