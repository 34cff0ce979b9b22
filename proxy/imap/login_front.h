// LoginFront: the gateway's own server before login, where the user decides which server is the
// backend. To Filter it is a server like any other, so what it gets are whole commands that every
// server reads alike, within the limits of before login. It answers CAPABILITY, NOOP, ID and
// LOGOUT, and reads LOGIN and AUTHENTICATE as far as the user's name. Then it says that login again
// to the user's server, word for word, and passes on the answer:
//
//   Talking --a login has shown its user--> Named --greeted()--> Replaying --> Answered
//      ^                                      (connect)             |         (accepted, or BYE)
//      +-----------------------the server refuses the login---------+
//
// A "+" that the gateway has given the client already is not passed on when the server gives it,
// too. Sans-I/O, one thread. The login is wiped once it is answered, and with the object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/imap/command.h"
#include "proxy/imap/internal/scanner.h"
#include "proxy/imap/login.h"

namespace postern::imap {

class LoginFront {
 public:
  // Of what the client says.
  enum class Step : uint8_t {
    More,
    Named,   // user() is known: connect to its server, then call greeted()
    Logout,  // nothing more is taken
  };
  // Of what the server says.
  enum class Answer : uint8_t {
    None,       // yet
    Refused,    // the client is not logged in: give the connection up, and go on with from_client()
    Final,      // it is, or the server says BYE: from here on everything passes as it is
    Unreadable  // a line is too long
  };

  static constexpr size_t kMaxLine = 16 * kKiB;  // of the server

  // `capabilities`: what every server behind can do, "IMAP4rev1 …".
  explicit LoginFront(std::string capabilities) : capabilities_(std::move(capabilities)) {}
  LoginFront(const LoginFront&) = delete;
  LoginFront& operator=(const LoginFront&) = delete;
  ~LoginFront() { forget(); }

  std::string greeting() const;
  // Takes what Filter has passed, and appends the answers. Not while a login is under way.
  Step from_client(Bytes bytes, std::string& to_client);
  // The name as the client has written it, after Named; empty if its login shows none.
  const std::string& user() const { return user_; }

  // The server has greeted: appends what it must be sent first.
  void greeted(std::string& to_server);
  // `taken`: up to the end of the line that is the answer. What the client says meanwhile, SASL
  // responses, goes to the server as it is.
  Answer from_server(Bytes bytes, size_t& taken, std::string& to_client, std::string& to_server);
  // The server has said BAD under no tag. Dovecot explains a NO so, which follows; if the client
  // goes on without one, that was the answer: then give_up().
  bool is_rejected() const { return rejected_; }
  void give_up() { forget(); }
  // The server has been sent all of the login that was kept here.
  bool is_replayed() const { return sent_ == ends_.size(); }

 private:
  Step command_ended(std::string& to_client);
  Step run(std::string_view tag, Command command, std::string_view arguments,
           std::string& to_client);
  Step login(std::string_view arguments);
  Step authenticate(std::string_view tag, std::string_view arguments, std::string& to_client);
  Step sasl_response(std::string_view line, std::string& to_client);
  Step response(std::string_view tag, std::string_view text, std::string& to_client);
  Step named(std::string user);
  Answer server_line(std::string& to_client, std::string& to_server);
  void send_part(std::string& to_server);
  void forget();

  const std::string capabilities_;
  Scanner scanner_;
  std::string said_;          // the command so far; the login while it is under way
  std::vector<size_t> ends_;  // of its parts: each but the last waits for a "+"
  size_t line_at_ = 0;        // where in said_ the line begins that is being read
  size_t sent_ = 0;           // parts that the server has
  std::string tag_;           // of the login
  std::string user_;
  Mechanism mechanism_ = Mechanism::Other;
  bool in_sasl_ = false;  // the client has been asked for its first response
  bool rejected_ = false;
  std::string line_;  // of the server
};

// What `lists`, the capabilities of servers, have in common, as LoginFront may show it: without
// what TLS makes untrue and without SASL mechanisms that do not show the user first. IMAP4rev1
// alone if there is no list.
std::string common_capabilities(const std::vector<std::string>& lists);

}  // namespace postern::imap
