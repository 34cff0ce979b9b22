// What a line of the log says, in each format: all but its time and its frame. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "proxy/log/log.h"

namespace postern::log {

// Text: "info  session ended client=…". Json: the members of an object. OpenTelemetry: likewise, by
// its data model of logs, with the attributes of its semantic conventions where there is one.
std::string payload(Format format, Level level, std::string_view event, Fields fields);

}  // namespace postern::log
