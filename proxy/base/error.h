// Error: what went wrong on the data plane, small enough to pass by value and free to make. Each
// room names its own kinds of failure in an ErrorDomain; the text is rendered only on demand. A
// label is stable and bounded (it becomes a metric label); a text is for people and may change.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace postern {

// One room's failures. Instances are constants with static storage; errors point to them.
struct ErrorDomain {
  const char* name;                          // "tls", "net", "imap"
  const char* (*label)(int32_t);             // "connection_refused": snake_case, from a fixed set
  std::string (*text)(int32_t);              // "connection refused"
  std::span<const char* const> labels = {};  // all labels; duplicates are allowed
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
