// Limiter: limits the lines of one event in one second and counts those above the limit by their
// group. Not thread-safe: Log calls it under its lock. The caller gives the time, so tests need no
// clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/log/log.h"

namespace postern::log {

inline constexpr uint32_t kLinesPerSecond = 100;
// What one client has in a minute even while others have used up the event's second.
inline constexpr uint32_t kLinesOfClient = 20;
// Clients of one event that are remembered. One more begins the minute again for all, so the first
// line of every client is written.
inline constexpr size_t kMostClients = 8192;

class Limiter {
 public:
  struct Suppressed {
    Level level;
    std::string_view event;
    const char* key;  // null: the lines have no group
    std::string value;
    uint64_t count;
  };
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

  // Whether a line of `event`, a literal, may be written at `now_s` (any clock that never goes
  // back).
  bool admit(Level level, std::string_view event, const Group& group, int64_t now_s);
  // What was suppressed in the seconds, and of clients in the minutes, that are over at `now_s`;
  // each line is counted in one call only.
  std::vector<Suppressed> take_suppressed(int64_t now_s);

 private:
  struct Client {
    std::string name;
    uint32_t written = 0;
    uint64_t suppressed = 0;
  };
  struct Window {
    Level level = Level::Info;
    const char* key = nullptr;
    int64_t second = 0;
    uint32_t written = 0;
    std::map<std::string, uint64_t> suppressed;  // by the group's value
    int64_t minute_ends = 0;
    std::unordered_map<uint64_t, Client> clients;
  };

  bool admit_client(std::string_view event, Window& window, const Group& group, int64_t now_s);
  void sum_up(std::string_view event, Window& window);
  void sum_up_clients(std::string_view event, Window& window);

  std::map<std::string_view, Window> windows_;  // one for each event literal of the program
  std::vector<Suppressed> due_;
  uint64_t suppressed_ = 0;  // and not in due_: usually 0, so asking costs nothing
};

}  // namespace postern::log
