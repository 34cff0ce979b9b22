// DnsCache holds the addresses that the name of a backend server resolves to; a server that is
// named by its address needs no look-up. One look-up serves all dialers that wait. Its answer is
// valid for a while, and serves for as long again while the next look-up is on its way, so that a
// busy gateway never waits for a name; stale addresses serve while the resolver is slow or down.
// One worker's thread. Must be destroyed before the loop on which it was asked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"

namespace postern {

// Called once for each ask() that returned false, unless it leaves the list before.
class DnsCacheObserver : public ListNode<DnsCacheObserver> {
 public:
  virtual void on_addresses() = 0;  // known() is not empty
  virtual void on_no_addresses(const Error& error) = 0;

 protected:
  ~DnsCacheObserver() = default;
};

class DnsCache final : private net::ResolveObserver {
 public:
  static constexpr uint64_t kTtlMs = 30'000;  // getaddrinfo reports no TTL
  // How long stale addresses serve without a look-up after the resolver was slow or down.
  static constexpr uint64_t kStaleTtlMs = 5'000;

  const std::vector<net::Address>& known() const { return known_; }
  // Changes whenever known() becomes another list.
  uint32_t generation() const { return generation_; }
  bool fresh(uint64_t now_ms) const { return expires_at_ms_ > now_ms; }
  // True: known() serves at once, and if it has expired lately is looked up meanwhile. False:
  // `observer` is called later, not from inside this call.
  bool ask(net::Loop& loop, const net::HostPort& host, DnsCacheObserver& observer);
  // Call after waiting long enough: reuses the stale addresses. False if there are none. The
  // look-up continues.
  bool serve_stale(uint64_t now_ms);
  // `until_ms` 0: they serve only if the next look-up is slow or fails.
  void store(std::vector<net::Address> addresses, uint64_t until_ms);
  // Call when no address answers, because the server may have moved: the next ask() looks it up.
  void expire() { expires_at_ms_ = 0; }

 private:
  void look_up(net::Loop& loop, const net::HostPort& host);
  void on_resolved(const std::vector<net::Address>& addresses) override;
  void on_resolve_failure(const Error& error) override;
  void report_addresses();

  std::vector<net::Address> known_;
  uint32_t generation_ = 0;
  uint64_t expires_at_ms_ = 0;  // 0: before any other use comes a look-up
  net::Loop* loop_ = nullptr;
  std::optional<net::Resolver> resolver_;  // since the first look-up
  bool asking_ = false;
  IntrusiveList<DnsCacheObserver> waiting_;
};

}  // namespace postern
