// Admin: the HTTP endpoint for Prometheus, probes and actions: one listener on the main loop,
// AdminHttp on each connection, in clear or over TLS, bounded in number, also of one address, in
// time and memory; handshakes take turns by address. Main thread only; what it is given outlives
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/admin/admin_http.h"
#include "proxy/admission/handshake_queue.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/net/deadline.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/server/action_desk.h"
#include "tls/context.h"
#include "tls/engine.h"

namespace postern {

class Admin final : private net::AcceptObserver {
 public:
  // When all are in use, the oldest gives way to a newcomer: first one of the same address, if that
  // has its share, then one whose request is not complete, and last one between two requests.
  static constexpr size_t kMaxConnections = 128;  // fewer where descriptors are few
  static constexpr size_t kMaxOfAddress = 32;

  // Takes over the listening `socket`.
  Admin(net::Loop& loop, int socket, tls::Workspace& workspace, admin::AdminSource& source,
        ActionDesk& actions);
  ~Admin();
  // For the connections to come. Null: they are in clear.
  void use(std::shared_ptr<const tls::ServerContext> context) { context_ = std::move(context); }
  void start();
  // Another process listens now: stops accepting and ends what is between two requests.
  void hand_over();
  // Stops accepting and ends all connections.
  void close();

 private:
  class Connection;
  void on_accept(std::unique_ptr<net::TcpStream> client) override;
  void on_accept_failure(const Error& error) override;
  void make_room(uint64_t newcomer);

  net::Loop& loop_;
  tls::Workspace& workspace_;
  admin::AdminSource& source_;
  ActionDesk& actions_;
  std::shared_ptr<const tls::ServerContext> context_;
  HandshakeQueue handshakes_{loop_};
  net::Listener listener_;
  IntrusiveList<Connection> connections_;
  size_t count_ = 0;
};

}  // namespace postern
