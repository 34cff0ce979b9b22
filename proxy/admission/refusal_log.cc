#include "proxy/admission/refusal_log.h"

#include "proxy/admission/client_table.h"
#include "proxy/log/log.h"

namespace postern {

RefusalLog::~RefusalLog() {
  report_counted();
}

void RefusalLog::refused(std::string_view listener, const net::Address& client, Refusal reason,
                         const RefusalLimit& limit, uint64_t now_ms) {
  if (has_own_line(What::Session, client, name_of(reason), now_ms)) {
    log::warn("session refused", {{"listener", listener},
                                  {"client", client.text()},
                                  {"reason", name_of(reason)},
                                  log::Field::optional("setting", limit.setting),
                                  log::Field::optional("limit", limit.value),
                                  log::Field::optional("advice", limit.advice)});
  }
}

void RefusalLog::login_refused(std::string_view listener, const net::Address& client,
                               std::string_view mechanism, std::string_view result, Cause cause,
                               std::string_view server, uint64_t now_ms) {
  if (has_own_line(What::Login, client, result, now_ms)) {
    log::info("login refused", {{"listener", listener},
                                {"client", client.text()},
                                {"mechanism", mechanism},
                                {"result", result},
                                {"server", server},
                                {"cause", name_of(cause)}});
  }
}

bool RefusalLog::has_own_line(What what, const net::Address& client, std::string_view why,
                              uint64_t now_ms) {
  report(now_ms);
  const std::lock_guard lock(mutex_);
  if (counts_.empty()) {
    interval_ends_ms_ = now_ms + kIntervalMs;
  }
  const Key key(client_number(client), what, why);
  if (const auto known = counts_.find(key); known != counts_.end()) {
    ++known->second.more;
    return false;
  }
  if (counts_.size() == kMost) {
    ++others_[static_cast<size_t>(what)];
    return false;
  }
  counts_.emplace(key, Count{.client = client});
  return true;
}

void RefusalLog::report(uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (now_ms >= interval_ends_ms_) {
    report_counted();
  }
}

void RefusalLog::report_counted() {
  for (const auto& [key, count] : counts_) {
    const auto& [number, what, why] = key;
    if (count.more > 0 && what == What::Session) {
      log::warn("more sessions refused",
                {{"client", count.client.text()}, {"reason", why}, {"count", count.more}});
    } else if (count.more > 0) {
      log::info("more logins refused",
                {{"client", count.client.text()}, {"result", why}, {"count", count.more}});
    }
  }
  if (const uint64_t count = others_[static_cast<size_t>(What::Session)]; count > 0) {
    log::warn("more sessions refused", {{"client", "others"}, {"count", count}});
  }
  if (const uint64_t count = others_[static_cast<size_t>(What::Login)]; count > 0) {
    log::info("more logins refused", {{"client", "others"}, {"count", count}});
  }
  counts_.clear();
  others_ = {};
}

}  // namespace postern
