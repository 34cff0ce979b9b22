// Opening the listening sockets of all workers, on the main thread, before anything runs: every
// address that can't be had is a fault, all at once.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/config.h"

namespace postern {

struct ListeningSockets {
  std::vector<std::vector<int>> of_workers;  // [worker][listener]
  int admin = -1;                            // -1: none
};

// Where a port is 0 the kernel chooses one, the same for all workers. The descriptors belong to the
// caller; on a fault all that were opened are closed again.
Result<ListeningSockets> open_listening_sockets(const Config& config);

// Raises the limit of open files as far as it goes and warns if `limits.sessions` may not fit in
// it.
void raise_file_limit(const Config& config);

}  // namespace postern
