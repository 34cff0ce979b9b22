// What libuv does not do for a socket: options that must be set before connecting or listening, and
// its two addresses. Descriptors are borrowed. Within proxy/net only.
#pragma once

#include <cstddef>

#include "proxy/net/address.h"
#include "proxy/net/tcp.h"

namespace postern::net {

// A non-blocking TCP socket that a child process does not inherit; libuv's error code if negative.
int open_socket(const Address& address);
// Starts connecting; 0 or libuv's error code.
int connect_socket(int fd, const Address& to);
// Binds it to this address, but not yet to a port; 0 or libuv's error code.
int bind_source(int fd, const Address& source);
// 0 or libuv's error code.
int set_option(int fd, int level, int name, int value);
int set_options(int fd, const TcpOptions& options);

// Bytes sent and not acknowledged by the peer, a FIN among them; 0 if unknown.
size_t unacknowledged(int fd);
// Sends the acknowledgement that the kernel delays, if there is one.
void acknowledge_now(int fd);
// Whether the peer has sent FIN or RST, or the kernel has given up on it.
bool peer_has_left(int fd);

Address local_name(int fd);
Address remote_name(int fd);

}  // namespace postern::net
