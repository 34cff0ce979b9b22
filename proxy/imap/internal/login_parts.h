// LoginParts: a login that waits to be sent, in the parts that the server asks for one after
// another. They have a secret in them, so each is wiped once it is gone. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::imap {

class LoginParts {
 public:
  LoginParts() = default;
  LoginParts(const LoginParts&) = delete;
  LoginParts& operator=(const LoginParts&) = delete;
  ~LoginParts() { clear(); }

  bool empty() const { return parts_.empty(); }
  size_t bytes() const { return bytes_; }
  // The one to send next; there must be one.
  std::string_view front() const { return parts_.front(); }

  void assign(std::vector<std::string> parts);
  // One part, whose line end becomes CRLF.
  void assign_line(std::string_view line);
  void pop_front();
  void clear();

 private:
  std::vector<std::string> parts_;
  size_t bytes_ = 0;
};

}  // namespace postern::imap
