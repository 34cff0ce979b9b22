#include "proxy/lookup/lookup_cache.h"

namespace postern {

const LookupCache::Backend* LookupCache::find(const std::string& name, uint64_t now_ms) const {
  const auto found = names_.find(name);
  return found != names_.end() && found->second.until_ms > now_ms ? &found->second.backend
                                                                  : nullptr;
}

void LookupCache::store(const std::string& name, Backend backend, uint64_t now_ms) {
  if (ttl_ms_ == 0) {
    return;
  }
  make_room(now_ms);
  const auto [entry, added] =
      names_.insert_or_assign(name, Entry{.backend = backend, .until_ms = now_ms + ttl_ms_});
  if (added) {
    oldest_first_.push_back(entry);
  }
}

void LookupCache::make_room(uint64_t now_ms) {
  while (!oldest_first_.empty() &&
         (oldest_first_.front()->second.until_ms <= now_ms || oldest_first_.size() >= kMaxNames)) {
    names_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
}

}  // namespace postern
