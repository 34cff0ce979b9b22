// TicketKeys: session-ticket keys derived from one secret by time window (HKDF-SHA256, RFC 5869),
// so that replicas with the same secret resume each other's sessions without talking, and keys
// rotate by themselves. The key of the current window seals; those of the previous and the next one
// open too. Immutable, any thread. Each context mixes in what its sessions are bound to (listener,
// client-auth policy, certificate set), so that a ticket of one is worthless at another
// (CVE-2025-23419).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace postern::tls {

class TicketKeys {
 public:
  static constexpr int64_t kWindowSeconds = int64_t{12} * 3600;

  struct Key {
    std::array<uint8_t, 16> name;  // in the ticket, in clear
    std::array<uint8_t, 32> hmac;
    std::array<uint8_t, 32> aes;
  };

  // The file's content is the secret: 32 octets at least, whitespace at the end ignored.
  static Result<std::shared_ptr<const TicketKeys>> load(const std::string& path);
  static std::shared_ptr<const TicketKeys> random();  // this process only
  static std::shared_ptr<const TicketKeys> from_secret(Bytes secret);
  ~TicketKeys();  // wipes the secret

  // The key of the window that is `offset` windows after the one with `now_s` (seconds since 1970).
  Key derive(std::string_view binding, int64_t now_s, int offset) const;

 private:
  TicketKeys() = default;
  std::array<uint8_t, 32> prk_{};
};

}  // namespace postern::tls
