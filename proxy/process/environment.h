// Reads the process's environment by name, through which service managers speak. Set-up only, while
// there is one thread.
#pragma once

#include <cstdlib>
#include <string>

namespace postern {

// Empty if there is none.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace postern
