// InheritedSockets: listening sockets that were open before this process: from systemd's socket
// activation (LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES; sd_listen_fds(3)), or from an older postern
// that this one replaces (SIGUSR2), which also waits for the notice that this one serves. While a
// process holds the sockets, no connection is refused and none in their queues is lost.
//
// LISTEN_FDS=3 LISTEN_FDNAMES=[__]_993:[__]_993:admin  POSTERN_PREDECESSOR=PID:DESCRIPTOR
//
// The last one replaces LISTEN_PID, because a parent does not know its child's id beforehand. Main
// thread only, and before there are others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/address.h"

namespace postern {

inline constexpr char kListenFds[] = "LISTEN_FDS";
inline constexpr char kListenPid[] = "LISTEN_PID";
inline constexpr char kListenNames[] = "LISTEN_FDNAMES";
inline constexpr char kPredecessor[] = "POSTERN_PREDECESSOR";
inline constexpr int kFirstInherited = 3;

// The names of sockets in LISTEN_FDNAMES, which allows no colon: a listener's is its address as
// configured, with underscores.
std::string socket_name(std::string_view listener);
inline constexpr char kAdminSocket[] = "admin";

class InheritedSockets {
 public:
  struct Socket {
    int fd = -1;
    std::string name;
    net::Address address;
  };

  // Reads the variables and removes them from the environment, so that no child inherits them. A
  // descriptor that is no listening TCP socket is a fault. The descriptors begin with `first`,
  // which only tests change.
  static Result<InheritedSockets> from_environment(int first = kFirstInherited);
  InheritedSockets() = default;
  ~InheritedSockets();
  InheritedSockets(InheritedSockets&& other) noexcept;
  InheritedSockets& operator=(InheritedSockets&& other) noexcept;

  // Takes the sockets of one address, each once, for a listener on `wanted` or for the admin
  // endpoint; empty if there are none. If the port is 0, `name` selects them. The caller owns them.
  std::vector<int> take(const net::Address& wanted, const std::string& name);
  const std::vector<Socket>& left() const { return sockets_; }
  // The kernel would still give connections to a socket that listens without being accepted from.
  void close_left();

  bool has_predecessor() const { return predecessor_ >= 0; }
  // Notifies the predecessor that this process serves.
  void release_predecessor();

 private:
  std::vector<Socket> sockets_;
  int predecessor_ = -1;  // the pipe on which it waits
};

}  // namespace postern
