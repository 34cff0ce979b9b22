#include "proxy/log/journal.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <string_view>
#include <utility>

namespace postern::log {

void Journal::add(const char* event, std::string subject, std::string text) {
  const int64_t now_s = std::time(nullptr);
  const std::lock_guard lock(mutex_);
  const auto is_alike = [&](const Entry& one) {
    return std::string_view(one.event) == event && one.subject == subject;
  };
  if (!entries_.empty() && is_alike(entries_.front()) && entries_.front().text == text) {
    entries_.front().last_s = now_s;
    ++entries_.front().times;
    return;
  }
  if (static_cast<size_t>(std::ranges::count_if(entries_, is_alike)) == kMostAlike) {
    const auto oldest = std::find_if(entries_.rbegin(), entries_.rend(), is_alike);
    entries_.erase(std::prev(oldest.base()));
  }
  entries_.push_front({.first_s = now_s,
                       .last_s = now_s,
                       .times = 1,
                       .event = event,
                       .subject = std::move(subject),
                       .text = std::move(text)});
  if (entries_.size() > kMost) {
    entries_.pop_back();
  }
}

std::vector<Journal::Entry> Journal::entries() const {
  const std::lock_guard lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

}  // namespace postern::log
