// Error: what went wrong on the data plane, small enough to pass by value and free to make. Each
// room names its own kinds of failure in an ErrorDomain; the text is rendered only on demand. A
// label is stable and bounded (it becomes a metric label); a text is for people and may change.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proxy/base/check.h"

namespace postern {

// One kind of failure.
struct ErrorRow {
  int32_t code;
  const char* label;  // "connection_refused": snake_case; several codes may share one
  const char* text;   // "connection refused"
};

// One room's failures: the rows of an ErrorTable, or of a library's codes. Instances are constants
// with static storage; errors point to them.
struct ErrorDomain {
  const char* name;  // "tls", "net", "imap"
  std::span<const ErrorRow> rows;
  // Of codes without a row: their label is "other". Null if every code has a row.
  std::string (*other_text)(int32_t) = nullptr;

  const ErrorRow* find(int32_t code) const {
    for (const ErrorRow& row : rows) {
      if (row.code == code) {
        return &row;
      }
    }
    check(other_text != nullptr, "the code is one of its domain");
    return nullptr;
  }
  const char* label(int32_t code) const {
    const ErrorRow* row = find(code);
    return row != nullptr ? row->label : "other";
  }
  std::string text(int32_t code) const {
    const ErrorRow* row = find(code);
    return row != nullptr ? row->text : other_text(code);
  }
};

struct Error {
  const ErrorDomain* domain = nullptr;  // null: no error
  const char* during = "";              // what was being done, a literal: "connecting to backend"
  int32_t code = 0;

  explicit operator bool() const { return domain != nullptr; }
  const char* label() const { return domain != nullptr ? domain->label(code) : "none"; }
  std::string text() const {
    if (domain == nullptr) {
      return "no error";
    }
    const std::string what = domain->text(code);
    return *during == '\0' ? what : std::string(during) + ": " + what;
  }
  bool operator==(const Error& other) const { return domain == other.domain && code == other.code; }
};

}  // namespace postern
