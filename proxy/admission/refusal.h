// Why admission refuses a client.
#pragma once

#include <cstdint>

#include "proxy/cause/causes_of.h"

namespace postern {

enum class Refusal : uint8_t {
  LimitSessions,             // all sessions in use
  LimitDescriptors,          // the process has none for another session
  LimitAddress,              // too many sessions of one address
  LimitListener,             // all sessions of this listener in use
  LimitRate,                 // one address connects too often
  LimitMemory,               // the process has reached its memory limit
  LimitHandshakes,           // too many handshakes at one time
  LimitHandshakesOfAddress,  // too many of one address
  Denied,                    // the configuration keeps its network out
  Banned,                    // too many failed logins from its address
  BannedByHand,              // an operator has banned its address
  GaveWay,                   // ended before login, to make room for a newcomer
};

// `limit` is where a refusal comes from: another one than `why` only for a client that gave way to
// a newcomer which met that limit.
struct Refused {
  Refusal why;
  Refusal limit;
};

inline constexpr Causes<Refusal> kRefusalCauses({
    {Refusal::LimitSessions, Cause::LimitSessions},
    {Refusal::LimitDescriptors, Cause::LimitSessions},
    {Refusal::LimitAddress, Cause::LimitAddress},
    {Refusal::LimitListener, Cause::LimitListener},
    {Refusal::LimitRate, Cause::LimitRate},
    {Refusal::LimitMemory, Cause::LimitMemory},
    {Refusal::LimitHandshakes, Cause::LimitHandshakes},
    {Refusal::LimitHandshakesOfAddress, Cause::LimitHandshakes},
    {Refusal::Denied, Cause::Denied},
    {Refusal::Banned, Cause::Banned},
    {Refusal::BannedByHand, Cause::Banned},
    {Refusal::GaveWay, Cause::GaveWay},
});
// The log's word; EndReason has the same.
inline const char* name_of(Refusal refusal) {
  return name_of(kRefusalCauses[refusal]);
}

}  // namespace postern
