// A point in time, for people and programs. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string>

namespace postern {

// "2026-11-30T12:00:00Z" (RFC 3339) of seconds since 1970.
inline std::string utc_text(int64_t seconds) {
  const auto at = static_cast<std::time_t>(seconds);
  std::tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&at, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace postern
