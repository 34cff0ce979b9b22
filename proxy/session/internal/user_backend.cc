#include "proxy/session/internal/user_backend.h"

#include <utility>

#include "proxy/base/secret.h"
#include "proxy/imap/server_head.h"
#include "proxy/imap/violation.h"

namespace postern {

using imap::LoginFront;

UserBackend::UserBackend(net::Loop& loop, std::string capabilities, UserBackendObserver& observer)
    : loop_(loop),
      observer_(observer),
      front_(std::make_unique<LoginFront>(std::move(capabilities))) {}

UserBackend::~UserBackend() = default;

// ---- the gateway's own server

size_t UserBackend::write(Bytes bytes) {
  if (server_ != nullptr && front_ != nullptr && front_->is_rejected()) {
    front_->give_up();
    leave_server();
    expect_login();
    observer_.on_user_refused();
  }
  if (server_ != nullptr) {
    return server_->write(bytes);
  }
  if (step_ == LoginFront::Step::More && front_ != nullptr) {
    step_ = front_->from_client(bytes, replies_);
    loop_.defer(*this);
  }
  return 0;
}

size_t UserBackend::write_ahead(Bytes bytes) {
  return server_ != nullptr && front_ == nullptr ? server_->write_ahead(bytes) : write(bytes);
}

// What the gateway's own server has to say, as the second rule of Stream wants it.
void UserBackend::run() {
  left_.reset();
  if (over_ || paused_ || server_ != nullptr) {
    return;
  }
  if (!replies_.empty()) {
    const std::string replies = std::exchange(replies_, {});
    relay_->on_bytes(as_bytes(replies));
  }
  if (over_ || server_ != nullptr) {
    return;
  }
  if (step_ == LoginFront::Step::Named) {
    if (!std::exchange(named_, true)) {
      observer_.on_user_named();
    }
  } else if (step_ == LoginFront::Step::Logout || finishing_) {
    over_ = true;
    relay_->on_end();
  }
}

// ---- the server of the user

bool UserBackend::connected(std::unique_ptr<net::Stream> server, std::string_view first_bytes) {
  server_ = std::move(server);
  server_->observe(*this);
  if (imap::parse_server_head(first_bytes).condition == imap::ServerHead::Condition::Preauth) {
    return false;
  }
  first_bytes.remove_prefix(first_bytes.find('\n') + 1);  // the client has had a greeting
  if (paused_) {
    server_->pause();
  }
  std::string login;
  front_->greeted(login);
  send(login);
  if (!first_bytes.empty()) {
    answer(as_bytes(first_bytes));
  }
  return true;
}

void UserBackend::on_bytes(Bytes bytes) {
  if (front_ == nullptr) {
    relay_->on_bytes(bytes);
  } else {
    answer(bytes);
  }
}

// Until the login is answered.
void UserBackend::answer(Bytes bytes) {
  size_t taken = 0;
  std::string to_client;
  std::string to_server;
  const LoginFront::Answer answer = front_->from_server(bytes, taken, to_client, to_server);
  send(to_server);
  if (answer == LoginFront::Answer::Final) {
    front_.reset();
  } else if (answer == LoginFront::Answer::Refused) {
    leave_server();  // first, for the relay may have the client's next login at hand
    expect_login();
  }
  if (!to_client.empty()) {
    relay_->on_bytes(as_bytes(to_client));
  }
  if (over_) {
    return;
  }
  if (answer == LoginFront::Answer::Refused) {
    observer_.on_user_refused();
  } else if (answer == LoginFront::Answer::Unreadable) {
    leave_server();
    over_ = true;
    relay_->on_failure(
        imap::imap_error(imap::Violation::BackendLineTooLong, "reading the answer to a login"));
  } else if (front_ == nullptr && taken < bytes.size()) {
    relay_->on_bytes(bytes.subspan(taken));
  }
}

// Of a login that was kept back.
void UserBackend::send(std::string& bytes) {
  if (bytes.empty()) {
    return;
  }
  server_->write(as_bytes(bytes));
  wipe(bytes);
  if (finishing_ && front_->is_replayed()) {
    server_->finish();
  }
}

// With TLS on the hop close_notify says that this end is meant.
void UserBackend::leave_server() {
  server_->finish();
  server_->abort();
  left_ = std::move(server_);
  loop_.defer(*this);
}

void UserBackend::take_back(std::string capabilities) {
  leave_server();
  front_ = std::make_unique<LoginFront>(std::move(capabilities));
  expect_login();
}

void UserBackend::expect_login() {
  step_ = LoginFront::Step::More;
  named_ = false;
}

// ---- the relay

void UserBackend::acknowledge() {
  if (server_ != nullptr) {
    server_->acknowledge();
  }
}

void UserBackend::pause() {
  paused_ = true;
  if (server_ != nullptr) {
    server_->pause();
  }
}

void UserBackend::resume() {
  paused_ = false;
  if (server_ != nullptr) {
    server_->resume();
  } else {
    loop_.defer(*this);
  }
}

void UserBackend::finish() {
  finishing_ = true;
  if (server_ == nullptr) {
    loop_.defer(*this);
  } else if (front_ == nullptr || front_->is_replayed()) {
    server_->finish();
  }
}

void UserBackend::abort() {
  over_ = true;
  Deferred::unlink();
  if (server_ != nullptr) {
    server_->abort();
  }
}

}  // namespace postern
