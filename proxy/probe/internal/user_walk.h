// UserWalk: what a user's client does after TLS: LOGIN, CAPABILITY, LIST, EXAMINE INBOX, which
// changes nothing in the mailbox. User and password go as synchronizing literals, which every
// server reads. Sans-I/O, one thread; `credentials` outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/imap/login.h"
#include "proxy/imap/server_head.h"
#include "proxy/probe/internal/credentials.h"

namespace postern::probe {

struct UserStep {
  const char* command = "";
  bool ok = false;
  std::string said = {};  // the tagged answer, unless it is OK
  size_t items = 0;       // mailboxes of LIST, messages of EXAMINE
  uint64_t us = 0;
};

class UserWalk {
 public:
  enum class Step : uint8_t { More, Send, Done };
  static constexpr size_t kMaxLine = 4096;        // what is longer is cut
  static constexpr size_t kMaxBytes = 16 * kMiB;  // of all answers

  explicit UserWalk(const Credentials& credentials) : credentials_(credentials) {}
  ~UserWalk() { wipe(to_send_); }
  UserWalk(const UserWalk&) = delete;
  UserWalk& operator=(const UserWalk&) = delete;

  Step begin();
  Step feed(Bytes bytes);
  // May hold the password: call sent() once it is sent.
  std::string_view to_send() const { return to_send_; }
  void sent() { wipe(to_send_); }

  std::vector<UserStep>& steps() { return steps_; }
  // nullopt: the server has not answered the login.
  std::optional<imap::LoginResult> login() const { return login_; }

 private:
  Step on_line();
  Step go_on();
  void send_piece();
  void note_untagged(std::string_view line);
  void note_answer(const imap::ServerHead& head, std::string_view line);

  const Credentials& credentials_;
  size_t command_ = 0;  // that is awaited
  size_t pieces_ = 0;   // of LOGIN, sent
  size_t bytes_ = 0;
  size_t items_ = 0;
  std::string line_;
  std::string to_send_;
  std::vector<UserStep> steps_;
  std::optional<imap::LoginResult> login_;
};

}  // namespace postern::probe
