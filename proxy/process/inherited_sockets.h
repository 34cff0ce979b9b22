// InheritedSockets: listening sockets that were open before this process: from systemd's socket
// activation (LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES; sd_listen_fds(3)), or from an older postern
// that is being replaced (SIGUSR2), which also waits to hear that this one serves. As long as
// somebody holds the sockets, no connection is refused and none that waits in a queue is lost.
//
// LISTEN_FDS=3 LISTEN_FDNAMES=[__]_993:[__]_993:admin  POSTERN_PREDECESSOR=PID:DESCRIPTOR
//
// The last one stands for LISTEN_PID: who starts a process does not know its id beforehand. Main
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

// What a socket is called in LISTEN_FDNAMES, where a colon cannot stand: that of a listener after
// its address as configured, that of the admin endpoint.
std::string socket_name(std::string_view listener);
inline constexpr char kAdminSocket[] = "admin";

class InheritedSockets {
 public:
  struct Socket {
    int fd = -1;
    std::string name;
    net::Address address;
  };

  // Takes the environment's word and removes it, so that it is not said twice. A descriptor that is
  // no listening TCP socket is a fault. They begin with `first`, which only tests change.
  static Result<InheritedSockets> from_environment(int first = kFirstInherited);
  InheritedSockets() = default;
  ~InheritedSockets();
  InheritedSockets(InheritedSockets&& other) noexcept;
  InheritedSockets& operator=(InheritedSockets&& other) noexcept;

  // The sockets of one address, each once, for a listener of `wanted`, or for the admin endpoint;
  // empty if there are none. Where the port is 0, those of the name. They are the caller's now.
  std::vector<int> take(const net::Address& wanted, const std::string& name);
  const std::vector<Socket>& left() const { return sockets_; }
  // A socket that listens and is not accepted from would still be given connections.
  void close_left();

  bool has_predecessor() const { return predecessor_ >= 0; }
  // Tells the predecessor that this process serves now.
  void tell_predecessor();

 private:
  std::vector<Socket> sockets_;
  int predecessor_ = -1;  // the pipe on which it waits
};

}  // namespace postern
