// The chart of sessions over the last hours, as inline SVG. Pure function.
#pragma once

#include <string>

#include "proxy/status/record.h"

namespace postern {

// Markup made of numbers alone.
std::string session_chart(const StatusRecord::Sessions& sessions);

}  // namespace postern
