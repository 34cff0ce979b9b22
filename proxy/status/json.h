// The status as JSON, for programs. docs/operation.md has its form, which "version" counts: members
// may be added, and none changes its meaning without another version. Pure function.
#pragma once

#include <string>

#include "proxy/status/record.h"

namespace postern {

inline constexpr int kStatusVersion = 1;

std::string status_json(const StatusRecord& record);

}  // namespace postern
