// What makes a server unusable behind its configuration although it greets. Pure functions over an
// attempt that has greeted; loop's thread.
#pragma once

#include <optional>

#include "proxy/backend/attempt.h"
#include "proxy/cause/cause.h"
#include "proxy/config/config.h"

namespace postern {

// After a check, which asks for CAPABILITY.
std::optional<Cause> find_fault(const BackendConfig& backend, const Attempt& greeted);

// The last words of a check, and the end of its connection. The stream may go once no callback of
// it is running.
void say_goodbye(net::Stream& stream);

}  // namespace postern
