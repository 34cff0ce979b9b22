// A session whose user decides about its backend: from the gateway's own greeting to a server.
#include <memory>
#include <utility>

#include "proxy/imap/capability_edit.h"
#include "proxy/imap/server_head.h"
#include "proxy/session/internal/messages.h"
#include "proxy/session/session.h"

namespace postern {
namespace {

// Without checks of health, sessions learn what a server can do.
void learn_capabilities(const Pool& pool, const BackendServer* server, std::string_view greeting) {
  const bool has_list = imap::parse_server_head(greeting).has_capabilities();
  if (server != nullptr && has_list && !pool.config().health) {
    const std::string_view line = greeting.substr(0, greeting.find('\n') + 1);
    server->health->note_capabilities(imap::capability_list(line));
  }
}

}  // namespace

// The pool is that of clients without a name until one has it.
void Session::greet() {
  Snapshot& snapshot = *context_.snapshot;
  context_.pool = &snapshot.route(context_.tls->engine().server_name());
  UserBackendObserver& observer = *this;
  auto backend = std::make_unique<UserBackend>(
      loop(), snapshot.common_capabilities(loop().now_ms()), observer);
  user_backend_ = backend.get();
  backend_ = std::move(backend);
  begin_relay(user_backend_->greeting());
}

void Session::on_user_named(const std::string& user) {
  dial(context_.snapshot->route_user(user, context_.tls->engine().server_name()));
}

void Session::on_user_connected(DialResult result) {
  learn_capabilities(*context_.pool, context_.slot.server(), result.first_bytes);
  if (!user_backend_->connected(std::move(result.stream), result.first_bytes)) {
    relay_->end_now(EndReason::BackendViolation, kUnavailable,
                    imap::imap_error(imap::Violation::BackendPreauth, "logging a user in"));
  }
}

// The next login gets a connection of its own.
void Session::on_user_refused() {
  context_.slot = ServerSlot();
}

void Session::log_out_user() {
  if (user_backend_ != nullptr) {
    user_backend_->take_back(context_.snapshot->common_capabilities(loop().now_ms()));
    context_.slot = ServerSlot();
  }
}

}  // namespace postern
