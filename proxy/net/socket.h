// What libuv does not do for a socket: the options that must be set before connecting or listening,
// and its two names. Descriptors are borrowed. Within proxy/net only.
#pragma once

#include "proxy/net/address.h"
#include "proxy/net/tcp.h"

namespace postern::net {

// A non-blocking TCP socket that a child process does not inherit; libuv's error code if negative.
int open_socket(const Address& address);
// Starts connecting; 0 or libuv's error code.
int connect_socket(int fd, const Address& to);
// 0 or libuv's error code.
int set_option(int fd, int level, int name, int value);
int set_options(int fd, const TcpOptions& options);

Address local_name(int fd);
Address remote_name(int fd);

}  // namespace postern::net
