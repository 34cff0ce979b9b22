// FailureBook: what has failed since the process began, counted by cause and backend, with the last
// words about each, and the last failures in their order: the status page explains them. Any
// thread. Counting is atomic. The words are kept only if no other thread is at them, so that no
// caller ever waits. Bounded.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/cause/cause.h"

namespace postern {

class FailureBook {
 public:
  static constexpr size_t kNoBackend = 0;    // it has come to none: "other" in metrics
  static constexpr size_t kMostTexts = 256;  // causes at backends that have words of their own
  static constexpr size_t kRecent = 64;
  static constexpr size_t kRecentOfCause = 8;  // or a frequent one would push out all others
  static constexpr size_t kMostText = 160;     // octets of each word

  // As they came: the one who shows them escapes them.
  struct Details {
    std::string client = {};  // its IP address
    std::string server = {};
    std::string said = {};  // by the peer, or what was noticed
  };
  struct Group {
    Cause cause;
    size_t backend;  // its index in the metric's label
    uint64_t count;
    int64_t first_s;  // seconds since 1970
    int64_t last_s;
    Details last = {};
  };
  // What one client meets again is one event, or it would push out all others.
  struct Event {
    int64_t last_s;
    uint64_t times;
    Cause cause;
    size_t backend;
    Details details;
  };

  // Backends have indices below `backends`.
  explicit FailureBook(size_t backends) : rows_(backends) {}
  FailureBook(const FailureBook&) = delete;
  FailureBook& operator=(const FailureBook&) = delete;
  ~FailureBook();

  // One more. `details` makes the words, if they are kept. An end with which nothing is wrong is no
  // failure, and is left out.
  template <typename Make>
  void add(Cause cause, size_t backend, Make&& details) {
    if (describe(cause).symptom == Symptom::NothingWrong) {
      return;
    }
    const int64_t now_s = count(cause, backend);
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
      keep(cause, backend, now_s, std::forward<Make>(details)());
    }
  }

  std::vector<Group> groups() const;  // the last one first
  std::vector<Event> recent() const;  // likewise

 private:
  struct Slot {
    std::atomic<uint64_t> count = 0;
    std::atomic<int64_t> first_s = 0;
    std::atomic<int64_t> last_s = 0;
  };
  using Row = std::array<Slot, kCountOf<Cause>>;  // of one backend

  int64_t count(Cause cause, size_t backend);
  Row& row(size_t backend);
  void keep(Cause cause, size_t backend, int64_t now_s, Details details);
  void keep_recent(Event event);

  std::vector<std::atomic<Row*>> rows_;  // each made by the first that counts in it
  mutable std::mutex mutex_;             // of what follows
  std::map<std::pair<size_t, Cause>, Details> last_;
  std::deque<Event> recent_;  // the last one first
};

}  // namespace postern
