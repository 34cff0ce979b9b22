// What the section `users` says: the url of its lookup, and what does not fit together. Set-up
// only.
#pragma once

#include "proxy/config/diagnostics.h"
#include "proxy/config/internal/draft.h"

namespace postern::config {

// Sets the parts of the url (RFC 3986, without user information and fragment) in `out`, or leaves
// it alone and records a fault.
void read_lookup_url(const SourceValue& value, LookupConfig& out, Diagnostics& diagnostics);
void check_users(Draft& draft);

}  // namespace postern::config
