// Which setting a refusal comes from, for the log. Values; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/admission/refusal.h"
#include "proxy/config/config.h"
#include "proxy/net/address.h"

namespace postern {

struct RefusalLimit {
  const char* setting;      // "limits.sessions_per_address"; empty if it may be one of several
  std::string value;        // as the configuration writes it; empty if it is a list
  const char* advice = "";  // if its name does not say what to do
};

// Why `config`, or a process that has room for `possible` sessions, refuses `client` at the
// listener with this index.
RefusalLimit limit_of(Refusal refusal, const Config& config, size_t possible, size_t listener,
                      const net::Address& client);

}  // namespace postern
