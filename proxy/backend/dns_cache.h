// DnsCache: what the name of a backend server resolves to. It is asked for once for all dials that
// wait, and believed for a while; what was known before serves while the resolver is slow or down.
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

// Told once for each time it asked, unless it leaves the list before.
class DnsCacheObserver : public ListNode<DnsCacheObserver> {
 public:
  virtual void on_addresses() = 0;  // known() is not empty
  virtual void on_no_addresses(const Error& error) = 0;

 protected:
  ~DnsCacheObserver() = default;
};

class DnsCache final : private net::ResolveObserver {
 public:
  static constexpr uint64_t kTtlMs = 30'000;  // getaddrinfo tells no TTL
  // For so long the former ones serve without asking when the resolver was slow or down.
  static constexpr uint64_t kStaleTtlMs = 5'000;

  const std::vector<net::Address>& known() const { return known_; }
  // Another one each time that known() has become another list.
  uint32_t generation() const { return generation_; }
  // True: known() serves at once. False: `observer` will be told, and not from inside this call.
  bool ask(net::Loop& loop, const net::HostPort& host, DnsCacheObserver& observer);
  // For who has waited long enough. False if nothing was ever known. The question goes on.
  bool serve_stale(uint64_t now_ms);
  void store(std::vector<net::Address> addresses, uint64_t until_ms);
  // They do not answer, the server may have moved: whoever comes next asks.
  void expire() { expires_at_ms_ = 0; }

 private:
  void on_resolved(const std::vector<net::Address>& addresses) override;
  void on_resolve_failure(const Error& error) override;
  void report_addresses();

  std::vector<net::Address> known_;
  uint32_t generation_ = 0;
  uint64_t expires_at_ms_ = 0;
  net::Loop* loop_ = nullptr;
  std::optional<net::Resolver> resolver_;  // since it was asked first
  bool asking_ = false;
  IntrusiveList<DnsCacheObserver> waiting_;
};

}  // namespace postern
