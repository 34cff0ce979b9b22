// Why admission refuses a client.
#pragma once

#include <cstdint>

#include "proxy/base/names.h"

namespace postern {

enum class Refusal : uint8_t {
  LimitSessions,             // all sessions in use
  LimitAddress,              // too many sessions of one address
  LimitListener,             // all sessions of this listener in use
  LimitRate,                 // one address connects too often
  LimitMemory,               // the process has reached its memory limit
  LimitHandshakes,           // too many handshakes at one time
  LimitHandshakesOfAddress,  // too many of one address
  Denied,                    // the configuration keeps its network out
  Banned,                    // too many failed logins from its address
  GaveWay,                   // ended before login, to make room for a newcomer
};

// `limit` is where a refusal comes from: another one than `why` only for a client that gave way to
// a newcomer which met that limit.
struct Refused {
  Refusal why;
  Refusal limit;
};

// The log's words; EndReason has the same.
inline constexpr Names<Refusal> kRefusalNames{
    "limit_sessions",   "limit_address",    "limit_listener", "limit_rate", "limit_memory",
    "limit_handshakes", "limit_handshakes", "denied",         "banned",     "gave_way"};
constexpr const char* name_of(Refusal refusal) {
  return kRefusalNames[refusal];
}

}  // namespace postern
