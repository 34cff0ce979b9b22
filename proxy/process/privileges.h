// Gives up privileges once the sockets are open and before the first byte of a client is read: the
// user that started the process, every capability, the right to gain any through a program it
// starts, and core dumps, which would hold private keys and mail. Main thread only, while there is
// no other.
#pragma once

#include <optional>
#include <string>

#include "proxy/base/result.h"

namespace postern {

struct Privileges {
  std::string user;         // the user to become; empty: no change
  bool core_dumps = false;  // whether the process may dump core and a debugger may attach to it
};

// A fault if there is no such user; none for an empty name.
Faults look_up_user(const std::string& name);

// Faults if there is no such user, or if the process cannot become it. Staying root is only a
// warning in the log.
Faults give_up_privileges(const Privileges& kept);

}  // namespace postern
