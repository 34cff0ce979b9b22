// The status as a page for people: one HTML document without scripts and without other resources,
// light or dark as the reader's system is. Pure functions.
#pragma once

#include <string>

#include "proxy/status/record.h"

namespace postern {

std::string status_page(const StatusRecord& record);

// The Content-Security-Policy that the page needs: its own style, known by its hash, and nothing
// else.
const char* status_page_policy();

}  // namespace postern
