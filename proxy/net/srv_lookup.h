// SrvLookup: asks the DNS for the SRV records of a service (RFC 2782) on libuv's thread pool, by
// the system's name servers. Loop's thread only; `observer` must outlive the look-up or cancel it
// (destroying the SrvLookup cancels). One that a thread has begun ends by itself, and is dropped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/net/loop.h"

namespace postern::net {

struct SrvRecord {
  uint16_t priority = 0;
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target = {};  // "." if the service is not offered
  bool operator==(const SrvRecord&) const = default;
};

class SrvObserver {
 public:
  // Empty if there are none, or if no name server answers.
  virtual void on_srv(const std::vector<SrvRecord>& records) = 0;

 protected:
  ~SrvObserver() = default;
};

class SrvLookup {
 public:
  static constexpr size_t kMostRecords = 16;

  explicit SrvLookup(Loop& loop) : loop_(loop) {}
  ~SrvLookup() { cancel(); }
  SrvLookup(const SrvLookup&) = delete;
  SrvLookup& operator=(const SrvLookup&) = delete;

  // "_imaps._tcp.example.org". One at a time.
  void ask(const std::string& name, SrvObserver& observer);
  void cancel();  // idempotent; no callback follows

 private:
  struct Request;
  Loop& loop_;
  Request* request_ = nullptr;  // owns itself until libuv's callback
};

// The SRV records in the answer of a name server, at most kMostRecords, by priority. Pure.
std::vector<SrvRecord> read_srv(Bytes answer);

}  // namespace postern::net
