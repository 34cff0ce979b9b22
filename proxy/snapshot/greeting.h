// The greeting of the gateway with routes by user, and what of its backends it does not show. Any
// thread.
#pragma once

#include <string>

#include "proxy/snapshot/snapshot.h"

namespace postern {

// Lines: the capabilities that the greeting shows, and for each backend those that it alone has. As
// far as is known of the servers' health.
std::string describe_greeting(const Materials& materials);

}  // namespace postern
