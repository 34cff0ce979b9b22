// Why a session ended: the metric's label, the log's word and the tests' assertion, one list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/label_value.h"
#include "proxy/admission/refusal.h"

namespace postern {

enum class EndReason : uint8_t {
  ClientClosed,     // the client hung up, in order or not
  ClientLogout,     // LOGOUT, answered
  ClientFailed,     // the client's connection broke (reset, timed out)
  ClientViolation,  // the client broke a limit or the protocol
  HandshakeFailed,  // TLS toward the client failed; postern_handshake_failures_total says why
  HandshakeTimeout,
  LoginTimeout,
  IdleTimeout,
  ProxyHeaderMissing,  // the peer's network must send one, but something else came
  ProxyHeaderRefused,  // one from where none may come, or a second one
  ProxyHeaderInvalid,  // broken, too long, cut off; postern_proxy_headers_total says which
  ProxyHeaderTimeout,  // required, and it did not come in time
  LimitSessions,       // refused: all sessions in use
  LimitAddress,        // refused: too many sessions of one address
  LimitHandshakes,     // refused: too many handshakes at once
  LimitListener,       // refused: all sessions of this listener in use
  LimitRate,           // refused: one address connects too often
  LimitMemory,         // refused, or ended: the process has no memory left for it
  Denied,              // refused: its network may not come in
  Banned,              // refused, or ended: too many failed logins of its address
  GaveWay,             // it kept the gateway waiting when a newcomer needed its place
  BackendUnavailable,  // no server of the pool could be reached or would serve
  BackendClosed,       // the backend hung up
  BackendFailed,       // the backend's connection broke
  BackendViolation,    // the backend broke the protocol
  Drained,             // ended, because postern is stopping
  Aborted,             // cut off at the end of the drain
};

inline constexpr std::array kEndReasonNames = {
    "client_closed",
    "client_logout",
    "client_failed",
    "client_violation",
    "handshake_failed",
    "handshake_timeout",
    "login_timeout",
    "idle_timeout",
    "proxy_header_missing",
    "proxy_header_refused",
    "proxy_header_invalid",
    "proxy_header_timeout",
    "limit_sessions",
    "limit_address",
    "limit_handshakes",
    "limit_listener",
    "limit_rate",
    "limit_memory",
    "denied",
    "banned",
    "gave_way",
    "backend_unavailable",
    "backend_closed",
    "backend_failed",
    "backend_violation",
    "drained",
    "aborted",
};
static_assert(kEndReasonNames.size() == static_cast<size_t>(EndReason::Aborted) + 1);

// The end reason of a refused session. The names are the same.
constexpr EndReason end_reason(Refusal refusal) {
  switch (refusal) {
    case Refusal::LimitSessions:
      return EndReason::LimitSessions;
    case Refusal::LimitAddress:
      return EndReason::LimitAddress;
    case Refusal::LimitListener:
      return EndReason::LimitListener;
    case Refusal::LimitRate:
      return EndReason::LimitRate;
    case Refusal::LimitMemory:
      return EndReason::LimitMemory;
    case Refusal::Denied:
      return EndReason::Denied;
    case Refusal::Banned:
      return EndReason::Banned;
    case Refusal::GaveWay:
      return EndReason::GaveWay;
  }
  return EndReason::Denied;
}

inline const char* name_of(EndReason reason) {
  return kEndReasonNames[static_cast<size_t>(reason)];
}

}  // namespace postern

template <>
inline constexpr postern::metrics::Label postern::metrics::kLabelOf<postern::EndReason> =
    postern::metrics::Label::EndReason;
