#include "proxy/pool/dns_cache.h"

#include <utility>

namespace postern {

namespace {

constexpr uint64_t kForever = UINT64_MAX - DnsCache::kTtlMs;

}  // namespace

bool DnsCache::ask(net::Loop& loop, const net::HostPort& host, DnsCacheObserver& observer) {
  if (fresh(loop.now_ms())) {
    return true;
  }
  if (const auto literal = net::Address::parse(host.text())) {  // no thread is needed for it
    store({literal.value()}, kForever);
    return true;
  }
  const bool serves = expires_at_ms_ > 0 && expires_at_ms_ + kTtlMs > loop.now_ms();
  if (!serves) {
    waiting_.push_back(observer);
  }
  if (!std::exchange(asking_, true)) {
    look_up(loop, host);
  }
  return serves;
}

void DnsCache::look_up(net::Loop& loop, const net::HostPort& host) {
  loop_ = &loop;
  if (!resolver_.has_value()) {
    resolver_.emplace(loop);
  }
  resolver_->resolve(host, *this);
}

bool DnsCache::serve_stale(uint64_t now_ms) {
  if (known_.empty()) {
    return false;
  }
  expires_at_ms_ = now_ms + kStaleTtlMs;
  return true;
}

void DnsCache::store(std::vector<net::Address> addresses, uint64_t until_ms) {
  if (addresses != known_) {
    known_ = std::move(addresses);
    ++generation_;
  }
  expires_at_ms_ = until_ms;
}

void DnsCache::on_resolved(const std::vector<net::Address>& addresses) {
  asking_ = false;
  store(addresses, loop_->now_ms() + kTtlMs);
  report_addresses();
}

void DnsCache::on_resolve_failure(const Error& error) {
  asking_ = false;
  if (serve_stale(loop_->now_ms())) {
    report_addresses();
    return;
  }
  // An observer may ask again from its callback: that waits for the next answer.
  IntrusiveList<DnsCacheObserver> observers;
  waiting_.splice_to(observers);
  while (DnsCacheObserver* observer = observers.pop_front()) {
    observer->on_no_addresses(error);
  }
}

void DnsCache::report_addresses() {
  IntrusiveList<DnsCacheObserver> observers;
  waiting_.splice_to(observers);
  while (DnsCacheObserver* observer = observers.pop_front()) {
    observer->on_addresses();
  }
}

}  // namespace postern
