// UserBackend: the backend of a session whose server depends on its user, as the relay sees it:
// first the gateway's own server (imap::LoginFront), from a login on the connection to the server
// of its user, and after a login that this server has refused the gateway's own again. So each
// login has a connection of its own, and a client that tries another user comes to that user's
// server. Loop's thread only; loop and observer outlive it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/imap/login_front.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern {

class UserBackendObserver {
 public:
  // A client logs in as user(). Call connected() later, or end the session.
  virtual void on_user_named() = 0;
  // The server has refused the login, and its connection is closed.
  virtual void on_user_refused() = 0;

 protected:
  ~UserBackendObserver() = default;
};

class UserBackend final : public net::Stream, private net::StreamObserver, private net::Deferred {
 public:
  // `capabilities`: those of the gateway's own server.
  UserBackend(net::Loop& loop, std::string capabilities, UserBackendObserver& observer);
  ~UserBackend() override;

  // What the gateway's own server says first. Once.
  std::string greeting() const { return front_->greeting(); }
  // Between on_user_named() and connected(): the name as the client has written it; empty if the
  // login shows none.
  const std::string& user() const { return front_->user(); }
  // The server of the user has greeted; `first_bytes` begin with that. False if it takes no login,
  // because it has greeted with PREAUTH.
  bool connected(std::unique_ptr<net::Stream> server, std::string_view first_bytes);
  // The client is logged out (UNAUTHENTICATE), and may log in as another user.
  void take_back(std::string capabilities);

  void observe(net::StreamObserver& observer) override { relay_ = &observer; }
  size_t write(Bytes bytes) override;
  size_t write_ahead(Bytes bytes) override;
  size_t queued() const override { return server_ != nullptr ? server_->queued() : 0; }
  size_t owed() const override { return server_ != nullptr ? server_->owed() : 0; }
  void acknowledge() override;
  bool hung_up() const override { return server_ != nullptr && server_->hung_up(); }
  void pause() override;
  void resume() override;
  void finish() override;
  void abort() override;

 private:
  void on_open() override {}
  void on_bytes(Bytes bytes) override;
  void on_drained() override { relay_->on_drained(); }
  void on_write_failure(const Error& error) override { relay_->on_write_failure(error); }
  void on_end() override { relay_->on_end(); }
  void on_failure(const Error& error) override { relay_->on_failure(error); }

  void run() override;
  void answer(Bytes bytes);
  void send(std::string& bytes);
  void leave_server();
  void expect_login();

  net::Loop& loop_;
  UserBackendObserver& observer_;
  net::StreamObserver* relay_ = nullptr;
  std::unique_ptr<imap::LoginFront> front_;  // until a login has succeeded
  std::unique_ptr<net::Stream> server_;
  std::unique_ptr<net::Stream> left_;  // closed; deleted at the end of the turn
  std::string replies_;                // of the gateway's own server
  imap::LoginFront::Step step_ = imap::LoginFront::Step::More;
  bool named_ = false;  // the observer knows the user
  bool paused_ = false;
  bool finishing_ = false;  // the relay sends no more
  bool over_ = false;       // no callback follows
};

}  // namespace postern
