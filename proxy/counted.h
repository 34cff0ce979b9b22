// The enumerations of the leaf rooms that metrics are counted by: metrics/ knows none of them.
#pragma once

#include "metrics/label_value.h"
#include "proxy/imap/login.h"
#include "proxy/imap/violation.h"
#include "tls/engine.h"

namespace postern {

// Of Label::ConnectResult; the failures are those of the rooms, by name.
inline constexpr metrics::LabelIndex<metrics::Label::ConnectResult> kConnectSuccess{0};

using ListenerLabel = metrics::LabelIndex<metrics::Label::Listener>;
using BackendLabel = metrics::LabelIndex<metrics::Label::Backend>;
using ServerLabel = metrics::LabelIndex<metrics::Label::Server>;

}  // namespace postern

namespace postern::metrics {

template <>
inline constexpr Label kLabelOf<tls::Version> = Label::Version;
template <>
inline constexpr Label kLabelOf<imap::Mechanism> = Label::Mechanism;
template <>
inline constexpr Label kLabelOf<imap::LoginResult> = Label::LoginResult;
template <>
inline constexpr Label kLabelOf<imap::Refusal> = Label::Refusal;

}  // namespace postern::metrics
