// Label values that know their label, so that counting a metric by the wrong labels, or by too few,
// does not compile.
#pragma once

#include <array>
#include <cstddef>

#include "metrics/catalog.h"

namespace postern::metrics {

// The labels whose indices address the cells of a metric: those exported, but no Backend that a
// Server follows. A server belongs to one backend, so its index stands for both.
constexpr std::array<Label, 4> dimensions(Metric metric) {
  const std::array<Label, 4>& labels = descriptor(metric).labels;
  std::array<Label, 4> dimensions{};
  size_t count = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool named_by_server =
        labels[i] == Label::Backend && i + 1 < labels.size() && labels[i + 1] == Label::Server;
    if (!named_by_server) {
      dimensions[count++] = labels[i];
    }
  }
  return dimensions;
}

// The index of a value in a label's set (LabelSets), for labels without an enumeration.
template <Label L>
struct LabelIndex {
  size_t value = 0;
};

// The label whose values, in order, are those of T. A room with its own enumeration declares it:
//   template <>
//   inline constexpr Label kLabelOf<EndReason> = Label::EndReason;
template <typename T>
inline constexpr Label kLabelOf = Label::None;
template <Label L>
inline constexpr Label kLabelOf<LabelIndex<L>> = L;
template <>
inline constexpr Label kLabelOf<Hop> = Label::Hop;
template <>
inline constexpr Label kLabelOf<Direction> = Label::Direction;
template <>
inline constexpr Label kLabelOf<Outcome> = Label::Result;
template <>
inline constexpr Label kLabelOf<AdminPath> = Label::Path;
template <>
inline constexpr Label kLabelOf<HttpStatus> = Label::Code;

template <Label L>
constexpr size_t index(LabelIndex<L> value) {
  return value.value;
}
template <typename Enum>
constexpr size_t index(Enum value) {
  return static_cast<size_t>(value);
}

// Whether metric M is counted by `Values`, in order: see dimensions().
template <Metric M, typename... Values>
concept By = !descriptor(M).sampled && sizeof...(Values) <= 4 &&
             dimensions(M) == std::array<Label, 4>{kLabelOf<Values>...} &&
             ((kLabelOf<Values> != Label::None) && ...);
constexpr bool is_histogram(Metric metric) {
  return descriptor(metric).type == Type::Histogram;
}
template <Metric M, typename... Values>
concept CountedBy = By<M, Values...> && !is_histogram(M);
template <Metric M, typename... Values>
concept ObservedBy = By<M, Values...> && is_histogram(M);

}  // namespace postern::metrics
