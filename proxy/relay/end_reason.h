// Why a session ended: the metric's label, the log's word and the tests' assertion. The words are
// those of the causes.
#pragma once

#include <cstdint>

#include "metrics/label_value.h"
#include "proxy/admission/refusal.h"
#include "proxy/cause/causes_of.h"

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
  GaveWay,             // ended before login: a newcomer needed its place
  BackendUnavailable,  // no server of the pool could be reached or would serve
  LookupUnavailable,   // the service that is asked where a user is gave no usable answer
  BackendClosed,       // the backend hung up
  BackendFailed,       // the backend's connection broke
  BackendViolation,    // the backend broke the protocol
  Drained,             // ended, because postern is stopping or an operator wants it
  Aborted,             // cut off at the end of the drain
  Probe,               // the client's own end without a login, of a network in log.probes
};

inline constexpr Causes<EndReason> kEndReasonCauses({
    {EndReason::ClientClosed, Cause::ClientClosed},
    {EndReason::ClientLogout, Cause::ClientLogout},
    {EndReason::ClientFailed, Cause::ClientFailed},
    {EndReason::ClientViolation, Cause::ClientViolation},
    {EndReason::HandshakeFailed, Cause::HandshakeFailed},
    {EndReason::HandshakeTimeout, Cause::HandshakeTimeout},
    {EndReason::LoginTimeout, Cause::LoginTimeout},
    {EndReason::IdleTimeout, Cause::IdleTimeout},
    {EndReason::ProxyHeaderMissing, Cause::ProxyHeaderMissing},
    {EndReason::ProxyHeaderRefused, Cause::ProxyHeaderRefused},
    {EndReason::ProxyHeaderInvalid, Cause::ProxyHeaderInvalid},
    {EndReason::ProxyHeaderTimeout, Cause::ProxyHeaderTimeout},
    {EndReason::LimitSessions, Cause::LimitSessions},
    {EndReason::LimitAddress, Cause::LimitAddress},
    {EndReason::LimitHandshakes, Cause::LimitHandshakes},
    {EndReason::LimitListener, Cause::LimitListener},
    {EndReason::LimitRate, Cause::LimitRate},
    {EndReason::LimitMemory, Cause::LimitMemory},
    {EndReason::LimitBackend, Cause::LimitBackend},
    {EndReason::Denied, Cause::Denied},
    {EndReason::Banned, Cause::Banned},
    {EndReason::GaveWay, Cause::GaveWay},
    {EndReason::BackendUnavailable, Cause::BackendUnavailable},
    {EndReason::LookupUnavailable, Cause::LookupUnavailable},
    {EndReason::BackendClosed, Cause::BackendClosed},
    {EndReason::BackendFailed, Cause::BackendFailed},
    {EndReason::BackendViolation, Cause::BackendViolation},
    {EndReason::Drained, Cause::Drained},
    {EndReason::Aborted, Cause::Aborted},
    {EndReason::Probe, Cause::Probe},
});
inline const char* name_of(EndReason reason) {
  return name_of(kEndReasonCauses[reason]);
}

// The end reason of a refused session. The words are the same; two refusals share limit_handshakes.
constexpr EndReason end_reason(Refusal refusal) {
  switch (refusal) {
    case Refusal::LimitSessions:
    case Refusal::LimitDescriptors:
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
    case Refusal::BannedByHand:
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
