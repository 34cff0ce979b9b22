// Admission: who may come in. Limits on sessions (all together, and for one client address, IPv6 by
// its /64) and on handshakes in flight, shared by all workers. A slot is a Permit: counted when the
// attempt starts and given back by the permit's destructor, so it can't leak. Any thread. This
// is accept-time work; nothing here is touched while bytes flow.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "proxy/config.h"
#include "proxy/end_reason.h"
#include "proxy/net/address.h"

namespace postern {

class Admission {
 public:
  explicit Admission(const Limits& limits) { set_limits(limits); }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // A reload's new limits hold for new sessions; living ones stay even if they are too many now.
  void set_limits(const Limits& limits);

  // One session's place: among all of them, and once it is known, among those of its address.
  // Movable; must not outlive its Admission.
  class SessionPermit {
   public:
    SessionPermit() = default;
    SessionPermit(SessionPermit&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), key_(other.key_) {}
    SessionPermit& operator=(SessionPermit&&) = delete;
    ~SessionPermit();

   private:
    friend class Admission;
    explicit SessionPermit(Admission& owner) : owner_(&owner) {}
    Admission* owner_ = nullptr;
    std::optional<uint64_t> key_;  // of the address that it is counted for
  };

  // One handshake's place, given back as soon as the handshake is over.
  class HandshakePermit {
   public:
    HandshakePermit() = default;
    HandshakePermit(HandshakePermit&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)) {}
    HandshakePermit& operator=(HandshakePermit&& other) noexcept {
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~HandshakePermit() { release(); }
    void release();

   private:
    friend class Admission;
    explicit HandshakePermit(Admission& owner) : owner_(&owner) {}
    Admission* owner_ = nullptr;
  };

  // A place among all sessions, if one is left. It is taken at accept, when a PROXY header may
  // still have to tell whose session it is.
  std::optional<SessionPermit> admit_session();
  // Then, once for each permit, everything that depends on the client's address: the limit that
  // stands against it, or nothing.
  std::optional<EndReason> admit_address(SessionPermit& permit, const net::Address& client);
  std::optional<HandshakePermit> admit_handshake();

  size_t sessions() const { return sessions_.load(std::memory_order_relaxed); }
  size_t sessions_limit() const { return max_sessions_.load(std::memory_order_relaxed); }

 private:
  // The addresses are spread over shards, so that workers seldom wait for each other.
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<uint64_t, uint32_t> sessions;
  };
  static constexpr size_t kShards = 64;

  static uint64_t key_of(const net::Address& client);
  Shard& shard(uint64_t key) { return shards_[key % kShards]; }
  bool take_address(uint64_t key);
  void release_address(uint64_t key);

  std::atomic<size_t> max_sessions_{0};
  std::atomic<size_t> max_sessions_per_address_{0};
  std::atomic<size_t> max_handshakes_{0};
  std::atomic<size_t> sessions_{0};
  std::atomic<size_t> handshakes_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace postern
