// Limiter: limits the lines of one event in one second and counts those above the limit. Not
// thread-safe: Log calls it under its lock. The caller gives the time, so tests need no clock.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace postern::log {

inline constexpr uint32_t kLinesPerSecond = 100;

class Limiter {
 public:
  struct Suppressed {
    std::string_view event;
    uint64_t count;
  };

  // Whether a line of `event`, a literal, may be written at `now_s` (any clock that never goes
  // back).
  bool admit(std::string_view event, int64_t now_s);
  // What was suppressed in the seconds before `now_s`; each line is counted in one call only.
  std::vector<Suppressed> take_suppressed(int64_t now_s);

 private:
  struct Window {
    int64_t second = 0;
    uint32_t written = 0;
    uint64_t suppressed = 0;
  };
  std::map<std::string_view, Window> windows_;  // one for each event literal of the program
  uint64_t suppressed_ = 0;  // in all windows: usually 0, so asking costs nothing
};

}  // namespace postern::log
