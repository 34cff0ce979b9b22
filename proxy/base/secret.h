// What may have been a password and must not stay in memory: overwritten where it is given back.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

namespace postern {

// Not left out by a compiler that sees nobody read it.
inline void wipe(void* secret, size_t size) {
  explicit_bzero(secret, size);
}

inline void wipe(std::string& secret) {
  wipe(secret.data(), secret.size());
  secret.clear();
}

// Like append(), and leaves nothing behind where the string has moved from.
inline void append_secret(std::string& secret, std::string_view more) {
  if (secret.size() + more.size() > secret.capacity()) {
    std::string larger;
    larger.reserve(2 * (secret.size() + more.size()));
    larger = secret;
    wipe(secret);
    secret.swap(larger);
  }
  secret.append(more);
}

}  // namespace postern
