#include "proxy/log/rate_limiter.h"

namespace postern::log {

bool Limiter::admit(std::string_view event, int64_t now_s) {
  Window& window = windows_[event];
  if (window.second != now_s) {
    window.second = now_s;
    window.written = 0;
  }
  if (window.written < kLinesPerSecond) {
    ++window.written;
    return true;
  }
  ++window.suppressed;
  ++suppressed_;
  return false;
}

std::vector<Limiter::Suppressed> Limiter::take_suppressed(int64_t now_s) {
  std::vector<Suppressed> taken;
  if (suppressed_ == 0) {
    return taken;
  }
  for (auto& [event, window] : windows_) {
    if (window.suppressed == 0 || window.second >= now_s) {
      continue;
    }
    taken.push_back({event, window.suppressed});
    suppressed_ -= window.suppressed;
    window.suppressed = 0;
  }
  return taken;
}

}  // namespace postern::log
