// ErrorTable: what a room has to say about each kind of failure in its enumeration E, one row for
// each: the enumerator, its label and its text. A table in which one is missing, or in another
// place than in E, does not compile. Constant data; an ErrorDomain is made of one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/base/error.h"
#include "proxy/base/names.h"

namespace postern {

template <typename E>
class ErrorTable {
 public:
  struct Row {
    E code;
    const char* label;  // "no_shared_cipher"; see ErrorRow
    const char* text;
  };

  template <size_t N>
  requires(N == kCountOf<E>) explicit consteval ErrorTable(const Row (&rows)[N]) {
    for (size_t i = 0; i < N; ++i) {
      if (rows[i].code != static_cast<E>(i) || rows[i].label == nullptr ||
          rows[i].text == nullptr) {
        a_row_is_out_of_place();
      }
      rows_[i] = {static_cast<int32_t>(i), rows[i].label, rows[i].text};
    }
  }

  constexpr const ErrorRow& operator[](E code) const { return rows_[static_cast<size_t>(code)]; }
  constexpr std::span<const ErrorRow> rows() const { return rows_; }

 private:
  std::array<ErrorRow, kCountOf<E>> rows_ = {};
};

}  // namespace postern
