#include "proxy/cause/failure_book.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <iterator>
#include <memory>

namespace postern {
namespace {

void cut(std::string& text) {
  text.resize(std::min(text.size(), FailureBook::kMostText));
}

}  // namespace

FailureBook::~FailureBook() {
  for (const std::atomic<Row*>& row : rows_) {
    delete row.load(std::memory_order_relaxed);
  }
}

// ---- any thread, when something has failed

int64_t FailureBook::count(Cause cause, size_t backend) {
  const int64_t now_s = std::time(nullptr);
  Slot& slot = row(backend)[static_cast<size_t>(cause)];
  slot.count.fetch_add(1, std::memory_order_relaxed);
  slot.last_s.store(now_s, std::memory_order_relaxed);
  int64_t never = 0;
  slot.first_s.compare_exchange_strong(never, now_s, std::memory_order_relaxed);
  return now_s;
}

FailureBook::Row& FailureBook::row(size_t backend) {
  std::atomic<Row*>& place = rows_[backend];
  Row* known = place.load(std::memory_order_acquire);
  if (known == nullptr) {
    auto made = std::make_unique<Row>();
    if (place.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
      known = made.release();
    }
  }
  return *known;
}

void FailureBook::keep(Cause cause, size_t backend, int64_t now_s, Details details) {
  for (std::string* text : {&details.client, &details.server, &details.said}) {
    cut(*text);
  }
  const std::pair key(backend, cause);
  if (last_.size() < kMostTexts || last_.contains(key)) {
    last_[key] = details;
  }
  keep_recent({.last_s = now_s,
               .times = 1,
               .cause = cause,
               .backend = backend,
               .details = std::move(details)});
}

void FailureBook::keep_recent(Event event) {
  const auto same = std::ranges::find_if(recent_, [&event](const Event& one) {
    return one.cause == event.cause && one.backend == event.backend &&
           one.details.client == event.details.client && one.details.server == event.details.server;
  });
  if (same != recent_.end()) {
    event.times += same->times;
    recent_.erase(same);
  }
  const Cause cause = event.cause;
  recent_.push_front(std::move(event));
  const auto is_alike = [cause](const Event& one) { return one.cause == cause; };
  if (std::ranges::count_if(recent_, is_alike) > static_cast<ptrdiff_t>(kRecentOfCause)) {
    recent_.erase(std::prev(std::find_if(recent_.rbegin(), recent_.rend(), is_alike).base()));
  }
  if (recent_.size() > kRecent) {
    recent_.pop_back();
  }
}

// ---- the one who shows it

std::vector<FailureBook::Group> FailureBook::groups() const {
  std::vector<Group> groups;
  const std::lock_guard lock(mutex_);
  for (size_t backend = 0; backend < rows_.size(); ++backend) {
    const Row* row = rows_[backend].load(std::memory_order_acquire);
    for (size_t i = 0; row != nullptr && i < row->size(); ++i) {
      const Slot& slot = (*row)[i];
      if (const uint64_t count = slot.count.load(std::memory_order_relaxed); count > 0) {
        const auto cause = static_cast<Cause>(i);
        const auto last = last_.find({backend, cause});
        groups.push_back({.cause = cause,
                          .backend = backend,
                          .count = count,
                          .first_s = slot.first_s.load(std::memory_order_relaxed),
                          .last_s = slot.last_s.load(std::memory_order_relaxed),
                          .last = last != last_.end() ? last->second : Details()});
      }
    }
  }
  std::ranges::stable_sort(groups, std::greater(), &Group::last_s);
  return groups;
}

std::vector<FailureBook::Event> FailureBook::recent() const {
  const std::lock_guard lock(mutex_);
  return {recent_.begin(), recent_.end()};
}

}  // namespace postern
