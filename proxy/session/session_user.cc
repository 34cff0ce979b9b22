// A session whose user decides about its backend: from the gateway's own greeting to a server.
#include <memory>
#include <utility>

#include "proxy/backend/dial_failure.h"
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
  routing_ = context_.snapshot;
  context_.pool = &snapshot.route(context_.tls->engine().server_name());
  UserBackendObserver& observer = *this;
  auto backend = std::make_unique<UserBackend>(
      loop(), snapshot.common_capabilities(loop().now_ms()), observer);
  user_backend_ = backend.get();
  backend_ = std::move(backend);
  begin_relay(user_backend_->greeting());
}

// As names are compared.
std::string Session::user_name() const {
  return routing_->users->name_of(user_backend_->user());
}

// A user who has moved since the client came is led to the new server.
void Session::on_user_named() {
  if (context_.services.latest->users != nullptr) {
    routing_ = context_.services.latest;
  }
  const std::string user = user_name();
  if (!routing_->must_look_up(user)) {
    on_user_looked_up({});
    return;
  }
  UserLookupObserver& observer = *this;
  const auto place = routing_->lookup->ask({.loop = loop(),
                                            .workspace = context_.services.dial.workspace,
                                            .counters = counters(),
                                            .labels = context_.labels()},
                                           user, context_.origin.address, observer);
  if (place) {
    on_user_looked_up(*place);
  }
}

// A user whom the service does not know goes where one without a line in the map goes.
void Session::on_user_looked_up(const UserPlace& place) {
  if (place.error) {
    relay_->end_now(EndReason::LookupUnavailable, kUnavailable, Error(place.error));
  } else if (place.backend) {
    dial(*routing_->pools[*place.backend]);
  } else {
    route_user();
  }
}

void Session::route_user() {
  Pool* const pool = routing_->route_user(user_name(), context_.tls->engine().server_name());
  if (pool != nullptr) {
    dial(*pool);
  } else {
    relay_->end_now(EndReason::BackendUnavailable, kUnavailable,
                    dial_error(DialFailure::UserHeld, "choosing a server"));
  }
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
  led_ = false;
}

void Session::log_out_user() {
  if (user_backend_ != nullptr) {
    user_backend_->take_back(routing_->common_capabilities(loop().now_ms()));
    context_.slot = ServerSlot();
    led_ = false;
  }
}

}  // namespace postern
