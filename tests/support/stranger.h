// Stranger: a connection from any loopback address that never says a word. Any thread; never blocks
// for long.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "proxy/net/address.h"

namespace postern::test {

class Stranger {
 public:
  Stranger(const std::string& from, const net::Address& to)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    unsigned size = net::Address::parse(from + ":0").value().to(address);
    EXPECT_EQ(bind(fd_, plain, size), 0) << from;
    size = to.to(address);
    EXPECT_EQ(::connect(fd_, plain, size), 0) << to.text();
  }
  Stranger(Stranger&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Stranger& operator=(Stranger&&) = delete;
  ~Stranger() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }

  // Whether the other side has closed the connection.
  bool over() const {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
  }

 private:
  int fd_;
};

}  // namespace postern::test
