// Wipes strings that may hold a password before their memory is freed.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

namespace postern {

// explicit_bzero(), because a compiler may drop a memset() of memory that is not read again.
inline void wipe(void* secret, size_t size) {
  explicit_bzero(secret, size);
}

inline void wipe(std::string& secret) {
  wipe(secret.data(), secret.size());
  secret.clear();
}

// Like append(), but wipes the old buffer when the string moves to a larger one.
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
