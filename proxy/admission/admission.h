// Admission decides which clients may come in. It counts sessions (in all, per listener and per
// client address, IPv6 by its /64), connections per time and handshakes in flight, for all workers.
// A slot is a permit: counted when the attempt starts and released by the permit's destructor, so
// it can't leak. The limits are those of the caller's configuration: after a reload they hold for
// new sessions, and existing ones stay even if they are now too many. Any thread. This is for the
// begin and the end of sessions, handshakes and logins; nothing here is touched while bytes flow.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "proxy/admission/client_table.h"
#include "proxy/admission/login_guard.h"
#include "proxy/admission/refusal.h"
#include "proxy/admission/refusal_log.h"
#include "proxy/admission/stricter_tls.h"
#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "proxy/net/memory_budget.h"

namespace postern {

class Admission {
 public:
  Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // One session's slot. Movable; must not outlive its Admission.
  class [[nodiscard]] SessionPermit {
   public:
    SessionPermit() = default;
    SessionPermit(SessionPermit&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          client_(other.client_),
          listener_(other.listener_),
          of_client_(other.of_client_) {}
    SessionPermit& operator=(SessionPermit&&) = delete;
    ~SessionPermit() { release(); }
    void release();

   private:
    friend class Admission;
    SessionPermit(Admission& owner, size_t listener)
        : owner_(&owner), listener_(static_cast<uint16_t>(listener)) {}
    Admission* owner_ = nullptr;
    uint64_t client_ = 0;
    uint16_t listener_ = 0;
    bool of_client_ = false;  // it holds one of the client's slots, too
  };

  // One handshake's slot, released as soon as the handshake is over.
  class [[nodiscard]] HandshakePermit {
   public:
    HandshakePermit() = default;
    HandshakePermit(HandshakePermit&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), client_(other.client_) {}
    HandshakePermit& operator=(HandshakePermit&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~HandshakePermit() { release(); }
    void release();

   private:
    friend class Admission;
    HandshakePermit(Admission& owner, uint64_t client) : owner_(&owner), client_(client) {}
    Admission* owner_ = nullptr;
    uint64_t client_ = 0;
  };

  // At accept: takes a slot among all sessions and among the listener's, or returns the limit that
  // forbids it.
  [[nodiscard]] std::variant<SessionPermit, Refusal> admit_session(const Config& config,
                                                                   size_t listener);
  // As many as the descriptors of the process have room for; from now on, beside the
  // configuration's limit.
  void bound_sessions(size_t possible) { possible_.store(possible, std::memory_order_relaxed); }
  // The smaller of the two.
  size_t most_sessions(const Limits& limits) const {
    return std::min(limits.sessions, possible_sessions());
  }
  size_t possible_sessions() const { return possible_.load(std::memory_order_relaxed); }
  // In place of a session that the caller ends at once: a slot beyond the limits until then.
  [[nodiscard]] SessionPermit admit_in_place_of_another(size_t listener);
  // Once the client's address is known: returns the reason to refuse it, or nullopt, and then
  // `permit` holds one of the client's slots as well. Call once per permit. `now_ms` is a loop's.
  [[nodiscard]] std::optional<Refusal> admit_address(SessionPermit& permit, const Limits& limits,
                                                     const net::Address& client, uint64_t now_ms);
  // For a session whose client is admitted: a slot among the client's handshakes and among all, or
  // the limit that forbids it, the client's own first.
  [[nodiscard]] std::variant<HandshakePermit, Refusal> admit_handshake(const SessionPermit& of,
                                                                       const Limits& limits);

  net::MemoryBudget& memory() { return memory_; }
  LoginGuard& logins() { return logins_; }
  RefusalLog& refusals() { return refusals_; }
  StricterTls& stricter() { return stricter_; }
  size_t sessions() const { return sessions_.load(std::memory_order_relaxed); }

 private:
  // Addresses are spread over shards, so that workers seldom wait for each other.
  struct Slots {
    uint32_t sessions = 0;
    uint32_t handshakes = 0;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<uint64_t, Slots> clients;
  };
  static constexpr size_t kShards = 64;

  // How often a client connects, as the time at which its whole allowance is free again (GCRA).
  struct Arrivals {
    uint64_t key = 0;
    uint64_t free_at_us = 0;
    bool expired(uint64_t now_us) const { return free_at_us <= now_us; }
    uint64_t eviction_rank() const { return free_at_us; }
  };
  static constexpr size_t kArrivals = 1'000'000;  // 16 bytes each

  Shard& shard(uint64_t client) { return shards_[client % kShards]; }
  bool acquire_rate(const Rate& rate, uint64_t client, uint64_t now_ms);
  bool acquire_client_slot(uint64_t client, uint32_t Slots::*of_kind, size_t max);
  void release_client_slot(uint64_t client, uint32_t Slots::*of_kind);

  // The members with cache lines of their own stand first, so that no padding comes between.
  std::array<Shard, kShards> shards_;
  ClientTable<Arrivals> arrivals_{kArrivals};
  LoginGuard logins_;
  std::atomic<size_t> possible_{SIZE_MAX};
  std::atomic<size_t> sessions_{0};
  std::atomic<size_t> handshakes_{0};
  const SipHash::Key hash_key_;
  net::MemoryBudget memory_;
  RefusalLog refusals_;
  StricterTls stricter_;
  std::array<std::atomic<size_t>, kMaxListeners> of_listener_{};
};

}  // namespace postern
