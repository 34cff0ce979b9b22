#include "proxy/backend/dns_cache.h"

#include <utility>

namespace postern {

bool Addresses::ask(net::Loop& loop, const net::HostPort& host, AddressesObserver& observer) {
  if (believed_until_ms_ > loop.now_ms()) {
    return true;
  }
  waiting_.push_back(observer);
  if (!std::exchange(asking_, true)) {
    loop_ = &loop;
    if (!resolver_.has_value()) {
      resolver_.emplace(loop);
    }
    resolver_->resolve(host, *this);
  }
  return false;
}

bool Addresses::settle_for_former(uint64_t now_ms) {
  if (known_.empty()) {
    return false;
  }
  believed_until_ms_ = now_ms + kFormerMs;
  return true;
}

void Addresses::believe(std::vector<net::Address> addresses, uint64_t until_ms) {
  if (addresses != known_) {
    known_ = std::move(addresses);
    edition_++;
  }
  believed_until_ms_ = until_ms;
}

void Addresses::on_resolved(const std::vector<net::Address>& addresses) {
  asking_ = false;
  believe(addresses, loop_->now_ms() + kBelievedMs);
  tell_that_they_are_known();
}

void Addresses::on_resolve_failure(const Error& error) {
  asking_ = false;
  if (settle_for_former(loop_->now_ms())) {
    tell_that_they_are_known();
    return;
  }
  // Whoever is told may ask again: that is for the next answer.
  IntrusiveList<AddressesObserver> told;
  waiting_.splice_to(told);
  while (AddressesObserver* observer = told.pop_front()) {
    observer->on_no_addresses(error);
  }
}

void Addresses::tell_that_they_are_known() {
  IntrusiveList<AddressesObserver> told;
  waiting_.splice_to(told);
  while (AddressesObserver* observer = told.pop_front()) {
    observer->on_addresses();
  }
}

}  // namespace postern
