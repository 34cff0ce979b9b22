// What a configuration amounts to, in words: listeners, the policy really in force, certificates,
// backends. For `postern check`.
#pragma once

#include <string>

#include "proxy/snapshot.h"

namespace postern {

std::string describe(const Materials& materials);

}  // namespace postern
