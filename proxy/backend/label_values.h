// The label values that the leaf rooms (tls, net, imap) define: metrics/ knows none of them.
#pragma once

#include "metrics/label_sets.h"
#include "proxy/imap/command.h"
#include "proxy/imap/login.h"
#include "proxy/imap/violation.h"
#include "tls/engine.h"

namespace postern {

// A value of Label::ConnectResult; the failures have the rooms' own names.
inline constexpr metrics::LabelIndex<metrics::Label::ConnectResult> kConnectSuccess{0};

using ListenerLabel = metrics::LabelIndex<metrics::Label::Listener>;
using BackendLabel = metrics::LabelIndex<metrics::Label::Backend>;
using ServerLabel = metrics::LabelIndex<metrics::Label::Server>;

// Defines the labels whose values are the leaf rooms' own names.
void define_leaf_labels(metrics::LabelSets& sets);

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
template <>
inline constexpr Label kLabelOf<imap::Command> = Label::Command;
template <>
inline constexpr Label kLabelOf<imap::CommandResult> = Label::CommandResult;

}  // namespace postern::metrics
