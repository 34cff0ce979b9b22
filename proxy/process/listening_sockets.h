// The listening sockets of all workers, on the main thread, before anything runs: those that were
// inherited, and new ones where there are none. Every address that can't be had is a fault, all at
// once.
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
// its port is 0 the kernel chooses one, the same for all. InheritedSockets sockets are shared out:
// with fewer than workers, several workers accept from one; with more, a worker accepts from
// several, for a socket that nobody accepts from would keep its share of the connections waiting.
// The descriptors belong to the caller; on a fault all are closed again.
Result<ListeningSockets> open_listening_sockets(const Config& config, InheritedSockets& inherited);

// As InheritedSockets takes them: a descriptor and what it is called.
struct NamedSocket {
  std::string name;
  int fd;
};
std::vector<NamedSocket> named_sockets(const ListeningSockets& sockets, const Config& config);

// Raises the limit of open files as far as it goes and warns if `limits.sessions` may not fit in
// it.
void raise_file_limit(const Config& config);

}  // namespace postern
