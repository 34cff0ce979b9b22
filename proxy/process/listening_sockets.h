// Opens the listening sockets of all workers: the inherited ones, and new ones where none is
// inherited. Each address that can't be opened is a fault; all are reported at once. Main thread
// only, before anything runs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "proxy/process/inherited_sockets.h"

namespace postern {

struct ListeningSocket {
  size_t listener;  // index in the configuration
  int fd;
};

struct ListeningSockets {
  std::vector<std::vector<ListeningSocket>> of_workers;
  int admin = -1;  // -1: none
};

// A new address gets a socket for each worker (SO_REUSEPORT: the kernel spreads connections); where
// its port is 0 the kernel chooses one, the same for all. Inherited sockets are shared out: if
// there are fewer than workers, several workers accept from one; if there are more, a worker
// accepts from several, because connections on a socket without an accepting worker would wait for
// ever. An address on which another process listens is a fault, unless sockets were handed over.
// The caller owns the descriptors; on a fault all are closed again.
Result<ListeningSockets> open_listening_sockets(const Config& config, InheritedSockets& inherited);

// A descriptor and its name, as InheritedSockets takes them over.
struct NamedSocket {
  std::string name;
  int fd;
};
std::vector<NamedSocket> named_sockets(const ListeningSockets& sockets, const Config& config);

}  // namespace postern
