#include "proxy/log/journal.h"

#include <algorithm>
#include <ctime>
#include <string_view>
#include <utility>

namespace postern::log {

void Journal::add(const char* event, std::string subject, std::string text) {
  const int64_t now_s = std::time(nullptr);
  Entry entry{.first_s = now_s,
              .last_s = now_s,
              .times = 1,
              .event = event,
              .subject = std::move(subject),
              .text = std::move(text)};
  const std::lock_guard lock(mutex_);
  const auto same = std::ranges::find_if(entries_, [&entry](const Entry& one) {
    return std::string_view(one.event) == entry.event && one.subject == entry.subject &&
           one.text == entry.text;
  });
  if (same != entries_.end()) {  // a server that comes and goes must not push out all others
    entry.first_s = same->first_s;
    entry.times += same->times;
    entries_.erase(same);
  }
  entries_.push_front(std::move(entry));
  if (entries_.size() > kMost) {
    entries_.pop_back();
  }
}

std::vector<Journal::Entry> Journal::entries() const {
  const std::lock_guard lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

}  // namespace postern::log
