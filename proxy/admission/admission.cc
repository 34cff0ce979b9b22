#include "proxy/admission/admission.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/net/network.h"

namespace postern {

namespace {

// Takes one of `max` slots in `used`; false if none is free.
bool acquire_slot(std::atomic<size_t>& used, size_t max) {
  if (used.fetch_add(1, std::memory_order_relaxed) < max) {
    return true;
  }
  used.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool may_come(const Limits& limits, const net::Address& client) {
  return !net::contains(limits.deny, client) &&
         (limits.allow.empty() || net::contains(limits.allow, client));
}

}  // namespace

Admission::Admission() : hash_key_(random_key()) {}

std::variant<Admission::SessionPermit, Refusal> Admission::admit_session(const Config& config,
                                                                         size_t listener) {
  if (memory_.full()) {
    return Refusal::LimitMemory;
  }
  const size_t most = most_sessions(config.limits);
  if (!acquire_slot(sessions_, most)) {
    return most < config.limits.sessions ? Refusal::LimitDescriptors : Refusal::LimitSessions;
  }
  const size_t max = config.listeners[listener].sessions;
  if (!acquire_slot(of_listener_[listener], max == 0 ? SIZE_MAX : max)) {
    sessions_.fetch_sub(1, std::memory_order_relaxed);
    return Refusal::LimitListener;
  }
  return SessionPermit(*this, listener);
}

Admission::SessionPermit Admission::admit_in_place_of_another(size_t listener) {
  sessions_.fetch_add(1, std::memory_order_relaxed);
  of_listener_[listener].fetch_add(1, std::memory_order_relaxed);
  return {*this, listener};
}

std::optional<Refusal> Admission::admit_address(SessionPermit& permit, const Limits& limits,
                                                const net::Address& client, uint64_t now_ms) {
  check(permit.owner_ == this && !permit.of_client_, "a permit is for one client");
  if (!may_come(limits, client)) {
    return Refusal::Denied;
  }
  if (logins_.banned(limits.login_failures, client, now_ms)) {
    return logins_.banned_by_hand(client, now_ms) ? Refusal::BannedByHand : Refusal::Banned;
  }
  const uint64_t number = client_number(client);
  if (!acquire_rate(limits.connections_per_address, number, now_ms)) {
    return Refusal::LimitRate;
  }
  if (!acquire_client_slot(number, &Slots::sessions, limits.sessions_per_address)) {
    return Refusal::LimitAddress;
  }
  permit.client_ = number;
  permit.of_client_ = true;
  return std::nullopt;
}

std::variant<Admission::HandshakePermit, Refusal> Admission::admit_handshake(
    const SessionPermit& of, const Limits& limits) {
  check(of.of_client_, "a handshake follows its client's admission");
  if (!acquire_client_slot(of.client_, &Slots::handshakes, limits.handshakes_per_address)) {
    return Refusal::LimitHandshakesOfAddress;
  }
  if (!acquire_slot(handshakes_, limits.handshakes_in_flight)) {
    release_client_slot(of.client_, &Slots::handshakes);
    return Refusal::LimitHandshakes;
  }
  return HandshakePermit(*this, of.client_);
}

// A bucket of `max` tokens that regains one in each max-th part of the time. A refused connection
// does not consume a token.
bool Admission::acquire_rate(const Rate& rate, uint64_t client, uint64_t now_ms) {
  if (rate.max == 0) {
    return true;
  }
  const uint64_t now_us = now_ms * 1000;
  const uint64_t whole_us = rate.per_ms * 1000;
  const uint64_t each_us = std::max<uint64_t>(whole_us / rate.max, 1);
  SipHash key(hash_key_);
  key.add(client);
  return arrivals_.update(std::max<uint64_t>(key.value(), 1), now_us, [&](Arrivals& arrivals) {
    // No further ahead than the current rate allows: a reload may have shortened the time.
    const uint64_t free_at = std::clamp(arrivals.free_at_us, now_us, now_us + whole_us);
    const bool admitted = free_at + each_us <= now_us + whole_us;
    arrivals.free_at_us = admitted ? free_at + each_us : free_at;
    return admitted;
  });
}

bool Admission::acquire_client_slot(uint64_t client, uint32_t Slots::*of_kind, size_t max) {
  Shard& of = shard(client);
  const std::lock_guard lock(of.mutex);
  const auto found = of.clients.find(client);
  const uint32_t used = found == of.clients.end() ? 0 : found->second.*of_kind;
  if (used >= max) {
    return false;
  }
  of.clients[client].*of_kind = used + 1;
  return true;
}

void Admission::release_client_slot(uint64_t client, uint32_t Slots::*of_kind) {
  Shard& of = shard(client);
  const std::lock_guard lock(of.mutex);
  const auto found = of.clients.find(client);
  check(found != of.clients.end() && found->second.*of_kind > 0, "a client's slots are counted");
  (found->second.*of_kind)--;
  if (found->second.sessions == 0 && found->second.handshakes == 0) {
    of.clients.erase(found);
  }
}

void Admission::SessionPermit::release() {
  Admission* owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) {
    return;
  }
  if (of_client_) {
    owner->release_client_slot(client_, &Slots::sessions);
  }
  owner->of_listener_[listener_].fetch_sub(1, std::memory_order_relaxed);
  owner->sessions_.fetch_sub(1, std::memory_order_relaxed);
}

void Admission::HandshakePermit::release() {
  if (owner_ != nullptr) {
    owner_->release_client_slot(client_, &Slots::handshakes);
    std::exchange(owner_, nullptr)->handshakes_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace postern
