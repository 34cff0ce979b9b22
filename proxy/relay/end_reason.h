// Why a session ended: the metric's label, the log's word and the tests' assertion, one list.
#pragma once

#include <cstdint>

#include "metrics/label_value.h"
#include "proxy/admission/refusal.h"
#include "proxy/base/names.h"

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
  LimitBackend,        // each server of the pool that takes sessions has its max_sessions
  Denied,              // refused: its network may not come in
  Banned,              // refused, or ended: too many failed logins of its address
  GaveWay,             // it kept the gateway waiting when a newcomer needed its place
  BackendUnavailable,  // no server of the pool could be reached or would serve
  BackendClosed,       // the backend hung up
  BackendFailed,       // the backend's connection broke
  BackendViolation,    // the backend broke the protocol
  Drained,             // ended, because postern is stopping
  Aborted,             // cut off at the end of the drain
  Probe,               // the client's own end without a login, of a network in log.probes
};

inline constexpr Names<EndReason> kEndReasonNames({
    {EndReason::ClientClosed, "client_closed"},
    {EndReason::ClientLogout, "client_logout"},
    {EndReason::ClientFailed, "client_failed"},
    {EndReason::ClientViolation, "client_violation"},
    {EndReason::HandshakeFailed, "handshake_failed"},
    {EndReason::HandshakeTimeout, "handshake_timeout"},
    {EndReason::LoginTimeout, "login_timeout"},
    {EndReason::IdleTimeout, "idle_timeout"},
    {EndReason::ProxyHeaderMissing, "proxy_header_missing"},
    {EndReason::ProxyHeaderRefused, "proxy_header_refused"},
    {EndReason::ProxyHeaderInvalid, "proxy_header_invalid"},
    {EndReason::ProxyHeaderTimeout, "proxy_header_timeout"},
    {EndReason::LimitSessions, "limit_sessions"},
    {EndReason::LimitAddress, "limit_address"},
    {EndReason::LimitHandshakes, "limit_handshakes"},
    {EndReason::LimitListener, "limit_listener"},
    {EndReason::LimitRate, "limit_rate"},
    {EndReason::LimitMemory, "limit_memory"},
    {EndReason::LimitBackend, "limit_backend"},
    {EndReason::Denied, "denied"},
    {EndReason::Banned, "banned"},
    {EndReason::GaveWay, "gave_way"},
    {EndReason::BackendUnavailable, "backend_unavailable"},
    {EndReason::BackendClosed, "backend_closed"},
    {EndReason::BackendFailed, "backend_failed"},
    {EndReason::BackendViolation, "backend_violation"},
    {EndReason::Drained, "drained"},
    {EndReason::Aborted, "aborted"},
    {EndReason::Probe, "probe"},
});
constexpr const char* name_of(EndReason reason) {
  return kEndReasonNames[reason];
}

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
    case Refusal::LimitHandshakes:
    case Refusal::LimitHandshakesOfAddress:
      return EndReason::LimitHandshakes;
    case Refusal::Denied:
      return EndReason::Denied;
    case Refusal::Banned:
      return EndReason::Banned;
    case Refusal::GaveWay:
      return EndReason::GaveWay;
  }
  return EndReason::Denied;
}

}  // namespace postern

template <>
inline constexpr postern::metrics::Label postern::metrics::kLabelOf<postern::EndReason> =
    postern::metrics::Label::EndReason;
