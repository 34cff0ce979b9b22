#include "proxy/probe/internal/show.h"

namespace postern::probe {

std::string show_ms(uint64_t us) {
  constexpr uint64_t kPerMs = 1000;
  constexpr uint64_t kFine = 10 * kPerMs;
  if (us >= kFine) {
    return std::to_string((us + kPerMs / 2) / kPerMs) + " ms";
  }
  return std::to_string(us / kPerMs) + "." + std::to_string(us % kPerMs / 100) + " ms";
}

}  // namespace postern::probe
