// What a session says by itself, and what it accepts from a client that does not wait for the
// greeting. Constants.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/admission/refusal.h"
#include "proxy/base/bytes.h"

namespace postern {

// What a client may say before the backend is there; legal clients wait for the greeting.
inline constexpr size_t kMaxEarly = 64 * kKiB;

inline constexpr std::string_view kUnavailable =
    "* BYE [UNAVAILABLE] Mail server is not available, please try again later\r\n";
inline constexpr std::string_view kLimitReached =
    "* BYE [LIMIT] Too many connections, please try again later\r\n";
inline constexpr std::string_view kBanned =
    "* BYE [LIMIT] Too many failed logins, please try again later\r\n";
inline constexpr std::string_view kBannedByHand =
    "* BYE [LIMIT] Connections from your address are not accepted for now\r\n";
inline constexpr std::string_view kDenied =
    "* BYE [LIMIT] Connections from your network are not accepted here\r\n";
inline constexpr std::string_view kStillHere = "* OK Still here\r\n";
inline constexpr std::string_view kAutologout = "* BYE Autologout; idle for too long\r\n";
inline constexpr std::string_view kLoginTimeout = "* BYE Login took too long\r\n";
inline constexpr std::string_view kStopping =
    "* BYE [UNAVAILABLE] Server is going down for maintenance, please reconnect\r\n";

inline std::string_view bye_for(Refusal refusal) {
  switch (refusal) {
    case Refusal::Banned:
      return kBanned;
    case Refusal::BannedByHand:
      return kBannedByHand;
    case Refusal::Denied:
      return kDenied;
    case Refusal::LimitSessions:
    case Refusal::LimitDescriptors:
    case Refusal::LimitAddress:
    case Refusal::LimitListener:
    case Refusal::LimitRate:
    case Refusal::LimitMemory:
    case Refusal::LimitHandshakes:
    case Refusal::LimitHandshakesOfAddress:
    case Refusal::GaveWay:
      return kLimitReached;
  }
  return kLimitReached;
}

}  // namespace postern
