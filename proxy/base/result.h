// Result<T>: a value, or the faults that prevent it. For set-up work (configuration, certificates,
// contexts), which reports all faults at once; the data plane uses Error instead.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/check.h"

namespace postern {

// One fault in the operator's input: where it is, what is wrong, and what to do.
struct Fault {
  std::string where;    // "postern.yaml:12" or a file's path; may be empty
  std::string message;  // a sentence without full stop
  std::string text() const { return where.empty() ? message : where + ": " + message; }
};

using Faults = std::vector<Fault>;

inline void append(Faults& faults, const Faults& more) {
  faults.insert(faults.end(), more.begin(), more.end());
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: reads as a value
  Result(Faults faults) : state_(std::in_place_index<1>, std::move(faults)) {  // NOLINT
    check(!std::get<1>(state_).empty(), "a failed result has a reason");
  }
  Result(Fault fault) : Result(Faults{std::move(fault)}) {}  // NOLINT

  explicit operator bool() const { return state_.index() == 0; }
  T& value() {
    check(state_.index() == 0, "the result holds a value");
    return std::get<0>(state_);
  }
  const T& value() const { return const_cast<Result*>(this)->value(); }
  const Faults& faults() const {
    check(state_.index() == 1, "the result holds faults");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Faults> state_;
};

}  // namespace postern
