// Preflight: asks each address of each server once whether sessions could use it, and finds out
// what would have to be different: where the way that is configured fails, it tries the others, a
// PROXY header or none, TLS at once or none. At most kAtOnce connections at one time, three to one
// address, kMostAddresses of one server, and kMostMs in all. One thread, that of the loop;
// Loop::retire() deletes it. The pools outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/backend/attempt.h"
#include "proxy/cause/cause.h"
#include "proxy/net/deadline.h"
#include "proxy/pool/pool.h"

namespace postern {

struct ServerFinding {
  std::string backend;
  std::string server;
  std::string address;         // empty for a server that is named by its address
  std::optional<Cause> cause;  // none: nothing is wrong
  std::string evidence;        // what the server has shown or said; may be empty, not escaped
  std::string fix;
};

class Preflight final : private net::Deadline {
 public:
  static constexpr size_t kAtOnce = 32;
  static constexpr size_t kMostAddresses = 8;
  static constexpr uint64_t kMostMs = 60'000;

  // `timeout_ms` is for each connection, and for each look-up.
  Preflight(const DialerServices& services, std::vector<std::shared_ptr<Pool>> pools,
            uint64_t timeout_ms);
  ~Preflight() override;
  void start();
  bool done() const { return done_; }
  // In the order of the configuration; complete once done.
  std::vector<ServerFinding> findings() const;

 private:
  class ServerLook;
  class AddressLook;
  struct Way;
  struct Ways;

  void on_deadline() override;
  void server_found(ServerLook& server);
  void go_on();

  const DialerServices services_;
  const uint64_t timeout_ms_;
  std::vector<std::unique_ptr<Ways>> ways_;           // of each pool
  std::vector<std::unique_ptr<ServerLook>> servers_;  // in the order of the configuration
  std::deque<AddressLook*> waiting_;
  size_t running_ = 0;
  size_t resolving_ = 0;
  bool done_ = false;
};

}  // namespace postern
