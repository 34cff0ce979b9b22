// AccessToken: a secret that a caller must show to be let in, read from a file. Only its SHA-256
// stays in memory; what is shown is judged by its own, in a time that does not depend on where the
// two differ. Immutable, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace postern::tls {

class AccessToken {
 public:
  static constexpr size_t kLeast = 32;  // octets
  static constexpr size_t kMost = 1024;

  // The file's content is the token: characters that a header can carry, whitespace at the end
  // ignored. read() is for the one who shows it, and wipes it.
  static Result<std::string> read(const std::string& path);
  static Result<std::shared_ptr<const AccessToken>> load(const std::string& path);

  bool is(std::string_view shown) const;

 private:
  explicit AccessToken(std::string_view token);
  std::array<uint8_t, 32> digest_;
};

}  // namespace postern::tls
