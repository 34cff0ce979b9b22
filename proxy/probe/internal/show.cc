#include "proxy/probe/internal/show.h"

#include <array>
#include <ctime>

namespace postern::probe {

std::string show_time(int64_t seconds) {
  const auto at = static_cast<time_t>(seconds);
  tm parts{};
  std::array<char, sizeof "2026-11-30T12:00:00Z"> text{};
  gmtime_r(&at, &parts);
  return {text.data(), strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string show_ms(uint64_t us) {
  constexpr uint64_t kPerMs = 1000;
  constexpr uint64_t kFine = 10 * kPerMs;
  if (us >= kFine) {
    return std::to_string((us + kPerMs / 2) / kPerMs) + " ms";
  }
  return std::to_string(us / kPerMs) + "." + std::to_string(us % kPerMs / 100) + " ms";
}

}  // namespace postern::probe
