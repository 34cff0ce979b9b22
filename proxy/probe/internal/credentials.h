// Credentials: the user and password of a probe that logs in. The password comes from a file or
// from the terminal, never from an argument, and is overwritten when the last owner goes. Set-up.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/result.h"
#include "proxy/base/secret.h"

namespace postern::probe {

class Credentials {
 public:
  static constexpr size_t kMaxPassword = 4096;

  // The first line of `password_file`; asks at the terminal if that is empty.
  static Result<std::shared_ptr<const Credentials>> read(std::string user,
                                                         const std::string& password_file);

  Credentials(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}
  ~Credentials() { wipe(password_); }
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  const std::string& user() const { return user_; }
  const std::string& password() const { return password_; }

 private:
  const std::string user_;
  std::string password_;
};

}  // namespace postern::probe
