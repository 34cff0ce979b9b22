// Causes: the cause of each value of an enumeration, beside the enumeration or beside its first
// user. A value without a row, or with one in another place, does not compile.
#pragma once

#include <array>
#include <cstddef>

#include "proxy/base/names.h"
#include "proxy/cause/cause.h"

namespace postern {

template <typename E>
class Causes {
 public:
  struct Row {
    E value;
    Cause cause;
  };
  template <size_t N>
  requires(N == kCountOf<E>) explicit consteval Causes(const Row (&rows)[N]) {
    for (size_t i = 0; i < N; ++i) {
      if (rows[i].value != static_cast<E>(i)) {
        a_row_is_out_of_place();
      }
      causes_[i] = rows[i].cause;
    }
  }
  constexpr Cause operator[](E value) const { return causes_[static_cast<size_t>(value)]; }

 private:
  std::array<Cause, kCountOf<E>> causes_ = {};
};

}  // namespace postern
