// The values of the labels that backends count by, in the words of the rooms that define them:
// metrics/ knows none of those. session/internal/session_labels.h has the others.
#pragma once

#include <initializer_list>
#include <vector>

#include "metrics/label_sets.h"
#include "proxy/base/error.h"
#include "tls/engine.h"

namespace postern {

// A value of Label::ConnectResult; the failures have the rooms' own names.
inline constexpr metrics::LabelIndex<metrics::Label::ConnectResult> kConnectSuccess{0};

using BackendLabel = metrics::LabelIndex<metrics::Label::Backend>;
using ServerLabel = metrics::LabelIndex<metrics::Label::Server>;

// `words` and the labels of `domains`, each once, "other" last.
std::vector<const char*> join_words(std::vector<const char*> words,
                                    std::initializer_list<const ErrorDomain*> domains);

// Those that do not depend on the configuration.
void define_backend_labels(metrics::LabelSets& sets);

}  // namespace postern

namespace postern::metrics {

template <>
inline constexpr Label kLabelOf<tls::Version> = Label::Version;

}  // namespace postern::metrics
