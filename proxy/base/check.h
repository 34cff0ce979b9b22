// check(): for our own bugs only, always on, never for input. A failed check says where and aborts;
// it prints the claim and never any data, so that it leaks nothing of a client.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace postern {

[[noreturn]] inline void check_failed(const char* claim, const char* file, unsigned line) {
  std::fprintf(stderr, "postern: broken invariant: %s (%s:%u)\n", claim, file, line);
  std::abort();
}

// `claim` is the invariant in words, a literal: check(queued_ == 0, "nothing is queued when idle").
// The builtins name the call site; std::source_location, built on them, is missing in Clang 14.
inline void check(bool holds, const char* claim, const char* file = __builtin_FILE(),
                  unsigned line = static_cast<unsigned>(__builtin_LINE())) {
  if (!holds) [[unlikely]] {
    check_failed(claim, file, line);
  }
}

}  // namespace postern
