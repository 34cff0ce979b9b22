// LoginAttempt: the login that awaits its answer: how far it has come, and what an answer means for
// it. A value of one Conversation; one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/siphash.h"
#include "proxy/imap/login.h"

namespace postern::imap {

class LoginAttempt {
 public:
  LoginAttempt() = default;
  // `user` is the hash of its name (login_name.h); 0 if that is not known yet.
  LoginAttempt(Mechanism mechanism, uint64_t user)
      : user_(user), mechanism_(mechanism), open_(true) {}

  // Its command was sent, or the first part of a LOGIN with literals.
  void sent(bool by_sasl);
  // All of LOGIN was sent.
  void completed() { responses_ = 1; }
  // A response to AUTHENTICATE was sent. `key` hashes the user's name; null: hash none.
  void response(std::string_view base64, const SipHash::Key* key);
  // The server's error challenge to an OAuth token.
  void challenge(std::string_view base64);

  bool open() const { return open_; }  // false: there is no login
  bool in_flight() const { return open_ && sent_; }
  bool by_sasl() const { return by_sasl_; }
  Mechanism mechanism() const { return mechanism_; }
  uint64_t user() const { return user_; }
  // Whether the server's next "+" carries an error challenge.
  bool wants_challenge() const;
  // Whether a success may begin a SASL security layer (RFC 4422 §3.7).
  bool may_have_layer() const;

  // `answer` is that of the server's tagged response. A server that was sent no secret cannot have
  // judged one.
  LoginResult result_of(LoginResult answer) const;
  // No answer will come. `by_client`: the client has broken off.
  LoginResult result_of_end(bool by_client) const;
  // The server has gone on without a tagged answer.
  LoginResult result_of_silence() const;
  // The server has said an untagged BAD instead of an answer.
  void rejected() { rejected_ = true; }
  // The server has said under no tag that the secret is wrong.
  void refused() { refused_ = true; }

  // Whether it may be sent as far as the server can judge its secret: the observer decides about
  // that once.
  bool admitted() const { return admitted_; }
  void admit() { admitted_ = true; }
  // Whether the client's next response completes the secret.
  bool next_response_has_secret() const;
  // A server has all that it needs to judge the secret.
  bool secret_sent() const;

 private:
  uint64_t user_ = 0;
  Mechanism mechanism_ = Mechanism::Login;
  uint8_t responses_ = 0;  // counts no further than it can
  bool open_ : 1 = false;
  bool sent_ : 1 = false;
  bool by_sasl_ : 1 = false;
  bool cancelled_ : 1 = false;
  bool expired_ : 1 = false;
  bool admitted_ : 1 = false;
  bool rejected_ : 1 = false;
  bool refused_ : 1 = false;
};

}  // namespace postern::imap
