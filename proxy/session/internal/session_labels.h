// The values of the labels that sessions count by, in the words of the rooms that define them:
// metrics/ knows none of those.
#pragma once

#include <cstdint>

#include "metrics/label_sets.h"
#include "proxy/backend/backend_labels.h"
#include "proxy/base/names.h"
#include "proxy/imap/command.h"
#include "proxy/imap/login.h"
#include "proxy/imap/violation.h"

namespace postern {

using ListenerLabel = metrics::LabelIndex<metrics::Label::Listener>;

// What a good PROXY header was; a bad one counts under the label of its ProxyFailure.
enum class ProxyHeaderKind : uint8_t { Version1, Version2, Local };
inline constexpr Names<ProxyHeaderKind> kProxyHeaderKindNames{"v1", "v2", "local"};
constexpr const char* name_of(ProxyHeaderKind kind) {
  return kProxyHeaderKindNames[kind];
}

// Why a handshake ended that TLS found nothing wrong with; the others count under the label of
// their tls::Failure.
enum class HandshakeLoss : uint8_t { Timeout, ConnectionLost };
inline constexpr Names<HandshakeLoss> kHandshakeLossNames{"timeout", "connection_lost"};
constexpr const char* name_of(HandshakeLoss loss) {
  return kHandshakeLossNames[loss];
}

}  // namespace postern

namespace postern::metrics {

template <>
inline constexpr Label kLabelOf<imap::Mechanism> = Label::Mechanism;
template <>
inline constexpr Label kLabelOf<imap::LoginResult> = Label::LoginResult;
template <>
inline constexpr Label kLabelOf<imap::CommandRefusal> = Label::CommandRefusal;
template <>
inline constexpr Label kLabelOf<imap::Command> = Label::Command;
template <>
inline constexpr Label kLabelOf<imap::CommandResult> = Label::CommandResult;

}  // namespace postern::metrics
