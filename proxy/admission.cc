#include "proxy/admission.h"

#include "proxy/base/bytes.h"
#include "proxy/base/check.h"

namespace postern {

namespace {

// Takes one of `max` places in `used`; false if there is none.
bool take_place(std::atomic<size_t>& used, size_t max) {
  if (used.fetch_add(1, std::memory_order_relaxed) < max) {
    return true;
  }
  used.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

}  // namespace

void Admission::set_limits(const Limits& limits) {
  max_sessions_ = limits.sessions;
  max_sessions_per_address_ = limits.sessions_per_address;
  max_handshakes_ = limits.handshakes_in_flight;
}

std::optional<Admission::SessionPermit> Admission::admit_session() {
  if (!take_place(sessions_, max_sessions_)) {
    return std::nullopt;
  }
  return SessionPermit(*this);
}

std::optional<EndReason> Admission::admit_address(SessionPermit& permit,
                                                  const net::Address& client) {
  check(!permit.key_.has_value(), "a session is one address's");
  const uint64_t key = key_of(client);
  if (!take_address(key)) {
    return EndReason::LimitAddress;
  }
  permit.key_ = key;
  return std::nullopt;
}

std::optional<Admission::HandshakePermit> Admission::admit_handshake() {
  if (!take_place(handshakes_, max_handshakes_)) {
    return std::nullopt;
  }
  return HandshakePermit(*this);
}

// An IPv4 address, or the /64 of an IPv6 one, as a number: a person with IPv6 has at least a /64.
// The bit above keeps 0.0.0.1 and ::/64 apart; a v6 prefix loses its top bit to it, which is the
// same for all of 2000::/3.
uint64_t Admission::key_of(const net::Address& client) {
  const Bytes ip = client.ip();
  const size_t count = ip.size() < 8 ? ip.size() : 8;
  uint64_t key = 0;
  for (size_t i = 0; i < count; i++) {
    key = key << 8 | ip[i];
  }
  constexpr uint64_t kV6 = uint64_t{1} << 63;
  return client.is_v6() ? key | kV6 : key;
}

bool Admission::take_address(uint64_t key) {
  Shard& of = shard(key);
  const std::lock_guard lock(of.mutex);
  uint32_t& used = of.sessions[key];
  if (used >= max_sessions_per_address_.load(std::memory_order_relaxed)) {
    if (used == 0) {
      of.sessions.erase(key);
    }
    return false;
  }
  used++;
  return true;
}

void Admission::release_address(uint64_t key) {
  Shard& of = shard(key);
  const std::lock_guard lock(of.mutex);
  const auto entry = of.sessions.find(key);
  check(entry != of.sessions.end() && entry->second > 0, "a session's address is counted");
  if (--entry->second == 0) {
    of.sessions.erase(entry);
  }
}

Admission::SessionPermit::~SessionPermit() {
  if (owner_ == nullptr) {
    return;
  }
  if (key_.has_value()) {
    owner_->release_address(*key_);
  }
  owner_->sessions_.fetch_sub(1, std::memory_order_relaxed);
}

void Admission::HandshakePermit::release() {
  if (owner_ != nullptr) {
    std::exchange(owner_, nullptr)->handshakes_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace postern
