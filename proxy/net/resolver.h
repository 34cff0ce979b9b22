// Resolver: looks up the addresses of a host name with the system's resolver on libuv's thread
// pool, in the order of RFC 6724. An address literal needs no thread, but is still answered from
// the loop. Loop's thread only; `observer` must outlive the request or cancel it (destroying the
// Resolver cancels). A look-up that a thread has already begun cannot be cancelled: its answer is
// dropped.
#pragma once

#include <memory>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"

namespace postern::net {

class ResolveObserver {
 public:
  virtual void on_resolved(const std::vector<Address>& addresses) = 0;  // never empty
  virtual void on_resolve_failure(const Error& error) = 0;

 protected:
  ~ResolveObserver() = default;
};

class Resolver {
 public:
  // So many look-ups run beside each other, in all workers: the others wait for one to end, which
  // takes as long as a name server is silent.
  static constexpr int kAtOnce = 16;
  // Gives the process the threads for that, unless UV_THREADPOOL_SIZE is set. Call before the first
  // loop, while there is one thread.
  static void make_room();

  explicit Resolver(Loop& loop);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // One request at a time; the answer may start the next one.
  void resolve(const HostPort& host, ResolveObserver& observer);
  void cancel();  // idempotent; no callback follows

 private:
  struct Request;
  Loop& loop_;
  Request* request_ = nullptr;  // owns itself until libuv's callback; null without a request
};

}  // namespace postern::net
