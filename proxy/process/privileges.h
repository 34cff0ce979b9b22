// What the process gives up once its sockets are open and before it reads a client's first byte:
// the user it was started as, every capability, the right to gain any by a program it starts, and
// cores, which would hold private keys and mail. Main thread only, while there is no other.
#pragma once

#include <optional>
#include <string>

#include "proxy/base/result.h"

namespace postern {

struct Privileges {
  std::string user;         // to become; empty: stay who we are
  bool core_dumps = false;  // whether the process may be dumped, and looked at by a debugger
};

// The fault that there is no such user; none for an empty name.
Faults look_up_user(const std::string& name);

// Faults: there is no such user, or it cannot be become. That root is kept is a warning in the log.
Faults give_up_privileges(const Privileges& kept);

}  // namespace postern
