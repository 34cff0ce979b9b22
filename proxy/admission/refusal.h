// Why admission refuses a client.
#pragma once

#include <cstdint>

#include "proxy/base/names.h"

namespace postern {

enum class Refusal : uint8_t {
  LimitSessions,  // all sessions in use
  LimitAddress,   // too many sessions of one address
  LimitListener,  // all sessions of this listener in use
  LimitRate,      // one address connects too often
  LimitMemory,    // the process has reached its memory limit
  Denied,         // the configuration keeps its network out
  Banned,         // too many failed logins from its address
  GaveWay,        // ended before login, to make room for a newcomer
};

// The log's words; EndReason has the same.
inline constexpr Names<Refusal> kRefusalNames{"limit_sessions", "limit_address", "limit_listener",
                                              "limit_rate",     "limit_memory",  "denied",
                                              "banned",         "gave_way"};
constexpr const char* name_of(Refusal refusal) {
  return kRefusalNames[refusal];
}

}  // namespace postern
