// LoginGuard: who fails to log in too often. It knows no password and no name: failures are counted
// for an address (IPv6 by its /64) and for an address with the hash of a name. A window of eight
// slices moves with time. Each further failure in it is answered later than the one before; too
// many ban the address for a while. A success forgives what the same user got wrong from there, not
// guesses at other names, nor those that could not be told to be anybody's, so an account of one's
// own buys nothing. Outages are never counted: the caller tells of failures that are the
// user's.
//
// An attempt counts from before it is sent: of one address so many are in flight, at most, as would
// ban it if they all failed. More than that wait for their turn, in their order, whichever worker
// they are with: an office that comes back behind one address with the right passwords is through
// in no time, and who guesses has no more guesses at once than one after the other.
//
// Bounded: 4 million records in less than 100 MB, allocated with use. Where there is no room left
// the names fall out first, then the oldest addresses, then the oldest bans. Beside them some 100
// octets of each address that has attempts in flight, and so never more than the sessions. Any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "proxy/admission/client_table.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/config/config.h"
#include "proxy/imap/login.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"

namespace postern {

class LoginTurnObserver {
 public:
  // What has waited may be sent now, or never, since the address is banned meanwhile. Once, on the
  // loop of who waits, and not from within begin().
  virtual void on_login_turn(imap::LoginLeave leave) = 0;

 protected:
  ~LoginTurnObserver() = default;
};

class LoginGuard {
 public:
  LoginGuard();

  // One attempt's place among those of its address, or in the queue for one: given back by its
  // destructor. Its loop's thread; must not outlive its guard, its observer or its rules.
  class Attempt final : public ListNode<Attempt> {
   public:
    ~Attempt();

   private:
    friend class LoginGuard;
    enum class State : uint8_t { InFlight, Waiting, Refused };
    // Outlives an attempt that is given up while its turn is on its way to the loop.
    struct Bell {
      Attempt* attempt;  // null: nobody is there any more; for the loop's thread alone
    };
    Attempt(LoginGuard& guard, const LoginFailures& rules, uint64_t key, net::Loop& loop,
            LoginTurnObserver& observer)
        : guard_(guard), rules_(rules), key_(key), loop_(loop), observer_(observer) {}
    void ring(State state);

    LoginGuard& guard_;
    const LoginFailures& rules_;
    const uint64_t key_;
    net::Loop& loop_;
    LoginTurnObserver& observer_;
    std::shared_ptr<Bell> bell_;     // of those who wait
    State state_ = State::InFlight;  // under the lock of the key's shard
  };

  struct Begun {
    imap::LoginLeave leave;
    std::unique_ptr<Attempt> attempt;  // to be kept until its result; null: nobody counts it
  };

  struct Verdict {
    bool counted = false;
    size_t failures = 0;    // of the address in the window, this one included
    uint64_t delay_ms = 0;  // how long the answer shall wait
    bool banned = false;    // the address may not come in again for now
    bool ban_began = false;
  };

  // For imap::user_hash() and imap::sasl_user().
  const SipHash::Key& name_key() const { return name_key_; }

  // Before an attempt is sent. Never: the address is banned.
  Begun begin(const LoginFailures& rules, const net::Address& client, net::Loop& loop,
              LoginTurnObserver& observer);
  // The attempt's result, before it gives its place back. The rules are those of the session's
  // configuration. `user` is a hash of imap/login_name.h; 0: unknown. `now_ms` is a loop's.
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
    bool expired(uint64_t now_ms) const { return (until & ~kBanned) <= now_ms / kUnitMs; }
    uint64_t eviction_rank() const;
    void move_to(uint32_t now_slice);
    size_t sum() const;
  };
  static_assert(sizeof(Record) == 24);
  static constexpr uint32_t kBanned = uint32_t{1} << 31;
  static constexpr uint64_t kUnitMs = 100;

  // An address's attempts. Some are in flight whenever one waits, so that there is always somebody
  // whose end is the next one's turn.
  struct Slots {
    size_t in_flight = 0;
    IntrusiveList<Attempt> waiting;
  };
  using PlacesByKey = std::unordered_map<uint64_t, Slots>;

  static uint32_t slice_at(const LoginFailures& rules, uint64_t now_ms);
  uint64_t key_of(uint64_t client) const;
  uint64_t key_of(uint64_t client, uint64_t user) const;
  static size_t count(const LoginFailures& rules, uint64_t now_ms, Record& record);
  void forgive(const LoginFailures& rules, uint64_t client, uint64_t user, uint64_t now_ms);
  static size_t most_in_flight(const LoginFailures& rules, uint64_t now_ms, Record* record);
  static imap::LoginLeave acquire_slot(Attempt& attempt, Slots& places, Record* record);
  static void let_go(Slots& places, uint64_t now_ms, Record* record);
  static void refuse_all(Slots& places);
  void give_back(Attempt& attempt);

  const SipHash::Key name_key_;
  const SipHash::Key table_key_;
  ClientTable<Record, PlacesByKey> table_{kRecords};
};

}  // namespace postern
