// LoginGuard: who fails to log in too often. It knows no password and no name: failures are counted
// for an address (IPv6 by its /64) and for an address with the hash of a name. A window of eight
// slices moves with time. Each further failure in it is answered later than the one before; too
// many ban the address for a while. A success forgives what the same user got wrong from there, not
// guesses at other names, nor those that could not be told to be anybody's, so an account of one's
// own buys nothing. Outages are never counted: the caller tells of failures that are the
// user's.
//
// Bounded: 4 million records in less than 100 MB, allocated with use. Where there is no room left
// the names fall out first, then the oldest addresses, then the oldest bans. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/client_table.h"
#include "proxy/config.h"
#include "proxy/net/address.h"

namespace postern {

class LoginGuard {
 public:
  LoginGuard();

  struct Verdict {
    bool counted = false;
    size_t failures = 0;    // of the address in the window, this one included
    uint64_t delay_ms = 0;  // how long the answer shall wait
    bool banned = false;    // the address may not come in again for now
    bool ban_began = false;
  };

  // For imap::LoginName.
  const SipHash::Key& name_key() const { return name_key_; }

  // The rules are those of the session's configuration. `user` is a LoginName's value; 0: unknown.
  // `now_ms` is a loop's.
  Verdict failed(const LoginFailures& rules, const net::Address& client, uint64_t user,
                 uint64_t now_ms);
  void succeeded(const LoginFailures& rules, const net::Address& client, uint64_t user,
                 uint64_t now_ms);
  bool banned(const LoginFailures& rules, const net::Address& client, uint64_t now_ms);

  // Addresses, and names with them, of which something is known. Looks at all of them and drops
  // what has lapsed: for whoever asks now and then.
  size_t entries(uint64_t now_ms);
  size_t bytes() const { return table_.bytes(); }

 private:
  static constexpr size_t kSlices = 8;
  static constexpr size_t kRecords = 4'000'000;

  struct Record {
    uint64_t key = 0;  // its lowest bit: of a name
    std::array<uint8_t, kSlices> failures{};
    uint32_t slice = 0;  // the newest one that is counted in
    uint32_t until = 0;  // tenths of a second; the highest bit: banned

    bool banned() const { return (until & kBanned) != 0; }
    bool dead(uint64_t now_ms) const { return (until & ~kBanned) <= now_ms / kUnitMs; }
    uint64_t worth() const;
    void move_to(uint32_t now_slice);
    size_t sum() const;
  };
  static_assert(sizeof(Record) == 24);
  static constexpr uint32_t kBanned = uint32_t{1} << 31;
  static constexpr uint64_t kUnitMs = 100;

  static uint32_t slice_at(const LoginFailures& rules, uint64_t now_ms);
  uint64_t key_of(uint64_t client) const;
  uint64_t key_of(uint64_t client, uint64_t user) const;
  static size_t count(const LoginFailures& rules, uint64_t now_ms, Record& record);
  void forgive(const LoginFailures& rules, uint64_t client, uint64_t user, uint64_t now_ms);

  const SipHash::Key name_key_;
  const SipHash::Key table_key_;
  ClientTable<Record> table_{kRecords};
};

}  // namespace postern
