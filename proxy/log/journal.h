// Journal: what has changed lately: reloads, certificates, the health of servers. The log has the
// same as lines; this keeps the last of them for the status page, in their order. Any thread.
// Bounded: what happens again, with nothing between, is counted, and the oldest is forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace postern::log {

class Journal {
 public:
  static constexpr size_t kMost = 64;
  static constexpr size_t kMostAlike = 8;  // a server that comes and goes pushes out itself alone

  struct Entry {
    int64_t first_s;  // seconds since 1970
    int64_t last_s;
    uint64_t times;
    const char* event;    // a literal, the log's words: "backend is down"
    std::string subject;  // what has changed, as it came: a server, a file
    std::string text;     // more about it, likewise
  };

  void add(const char* event, std::string subject, std::string text = {});
  std::vector<Entry> entries() const;  // the last one first

 private:
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

}  // namespace postern::log
