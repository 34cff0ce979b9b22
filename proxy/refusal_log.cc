#include "proxy/refusal_log.h"

#include "proxy/client_table.h"
#include "proxy/log.h"

namespace postern {

RefusalLog::~RefusalLog() {
  tell_counted();
}

void RefusalLog::refused(std::string_view listener, const net::Address& client, EndReason reason,
                         uint64_t now_ms) {
  tell(now_ms);
  {
    const std::lock_guard lock(mutex_);
    if (counts_.empty() && others_ == 0) {
      interval_ends_ms_ = now_ms + kIntervalMs;
    }
    const std::pair key(client_number(client), reason);
    if (const auto known = counts_.find(key); known != counts_.end()) {
      known->second.more++;
      return;
    }
    if (counts_.size() == kMost) {
      others_++;
      return;
    }
    counts_.emplace(key, Count{.client = client});
  }
  log::warn("session refused",
            {{"listener", listener}, {"client", client.text()}, {"reason", name_of(reason)}});
}

void RefusalLog::tell(uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (now_ms >= interval_ends_ms_) {
    tell_counted();
  }
}

void RefusalLog::tell_counted() {
  for (const auto& [key, count] : counts_) {
    if (count.more > 0) {
      log::warn("more sessions refused", {{"client", count.client.text()},
                                          {"reason", name_of(key.second)},
                                          {"count", count.more}});
    }
  }
  if (others_ > 0) {
    log::warn("more sessions refused", {{"client", "others"}, {"count", others_}});
  }
  counts_.clear();
  others_ = 0;
}

}  // namespace postern
