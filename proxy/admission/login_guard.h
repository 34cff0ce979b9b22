// LoginGuard slows down and bans addresses that fail to log in too often. It sees no password and
// no name: it counts failures per address (IPv6 by its /64) and per address and hash of a name, in
// a window of eight slices that moves with time. Each further failure in the window is answered
// later than the one before; too many ban the address for a while. A success forgives the same
// user's failures from that address, but neither guesses at other names nor failures without a
// known name, so that an account of one's own buys an attacker nothing. The caller reports only
// failures that are the user's; an outage never counts. An operator bans and pardons by hand.
//
// An attempt counts before it is sent: an address has at most as many in flight as would ban it if
// all failed. Further attempts wait for their turn in order, whichever worker has them: an office
// behind one address whose clients reconnect with the right passwords gets through at once, and an
// attacker gains nothing by guessing in parallel.
//
// Bounded: 4 million records in less than 100 MB, allocated with use. A full bucket evicts names
// first, then the oldest addresses, then the oldest bans. Each address with attempts in flight
// takes another 100 bytes or so; there are never more of those than sessions. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/admission/client_table.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/config/config.h"
#include "proxy/imap/login.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"

namespace postern {

class LoginTurnObserver {
 public:
  // The waiting attempt may be sent now (Go), or not at all because its address has been banned
  // meanwhile (Never). Called once, on the attempt's loop, and not from within begin().
  virtual void on_login_turn(imap::LoginLeave leave) = 0;

 protected:
  ~LoginTurnObserver() = default;
};

class LoginGuard {
 public:
  LoginGuard();

  // One attempt among those of its address: in flight, or in the queue for its turn. The
  // destructor releases it. Its loop's thread; must not outlive its guard, its observer or its
  // rules.
  class Attempt final : public ListNode<Attempt> {
   public:
    ~Attempt();

   private:
    friend class LoginGuard;
    enum class State : uint8_t { InFlight, Waiting, Refused };
    // Outlives an attempt that is destroyed while its turn is on its way to the loop.
    struct Bell {
      Attempt* attempt;  // null: the attempt is gone; for the loop's thread alone
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
    std::shared_ptr<Bell> bell_;     // only if it waits
    State state_ = State::InFlight;  // under the lock of the key's shard
  };

  struct Begun {
    imap::LoginLeave leave;
    std::unique_ptr<Attempt> attempt;  // keep it until the result; null: the address is exempt
  };

  struct Verdict {
    bool counted = false;
    size_t failures = 0;    // of the address in the window, this one included
    uint64_t delay_ms = 0;  // how long the answer must wait
    bool banned = false;    // the address may not come in for now
    bool ban_began = false;
  };

  // An address that is banned.
  struct Ban {
    net::Address client;   // without its port; of IPv6 its /64 is banned
    uint64_t until_ms;     // by the loops' clock
    bool by_hand = false;  // not because of failures
  };
  // Beyond them the oldest is forgotten by bans(), and lasts all the same.
  static constexpr size_t kListedBans = 16'384;
  static constexpr uint64_t kLongestBanMs = 86'400'000;
  // "192.0.2.7", "2001:db8::/64": what a ban of this client bans.
  static std::string text_of(const net::Address& client);

  // For imap::user_hash() and imap::sasl_user().
  const SipHash::Key& name_key() const { return name_key_; }

  // Call before an attempt is sent. Never: the address is banned.
  Begun begin(const LoginFailures& rules, const net::Address& client, net::Loop& loop,
              LoginTurnObserver& observer);
  // The attempt's result; call it before the attempt is destroyed. `rules` are those of the
  // session's configuration. `user` is a hash of imap/internal/login_name.h; 0: unknown. `now_ms`
  // is a loop's.
  Verdict failed(const LoginFailures& rules, const net::Address& client, uint64_t user,
                 uint64_t now_ms);
  void succeeded(const LoginFailures& rules, const net::Address& client, uint64_t user,
                 uint64_t now_ms);
  // Without rules only those that are banned by hand are; with them none that is exempt.
  bool banned(const std::optional<LoginFailures>& rules, const net::Address& client,
              uint64_t now_ms);

  // Whether an operator has begun its ban.
  bool banned_by_hand(const net::Address& client, uint64_t now_ms) {
    return banned(std::nullopt, client, now_ms);
  }

  // Bans until `until_ms`, whatever there was before; an attempt that waits is refused.
  void ban(const net::Address& client, uint64_t until_ms, uint64_t now_ms, bool by_hand = true);
  // Pardons: the ban is over. False if there was none.
  bool lift(const net::Address& client, uint64_t now_ms);

  // Those that began last, the last one first, and at most `most`.
  std::vector<Ban> bans(uint64_t now_ms, size_t most = kListedBans);
  size_t active_bans(uint64_t now_ms);  // how many bans() knows
  // How often a ban has begun or was lifted: what bans() says has changed since another number.
  uint64_t changes() const { return changes_.load(std::memory_order_relaxed); }

  // Drops the expired records and returns how many are left, of addresses and of names. It visits
  // every record: call it rarely.
  size_t entries(uint64_t now_ms);
  size_t bytes() const { return table_.bytes(); }

 private:
  static constexpr size_t kSlices = 8;
  static constexpr size_t kRecords = 4'000'000;

  struct Record {
    uint64_t key = 0;  // the lowest bit: it counts for a name
    std::array<uint8_t, kSlices> failures{};
    uint32_t slice = 0;  // the newest one; of a ban, whether it is by hand
    uint32_t until = 0;  // tenths of a second; the highest bit: banned

    bool banned() const { return (until & kBanned) != 0; }
    bool by_hand() const { return banned() && slice == kByHand; }
    void ban(uint64_t until_ms, bool is_by_hand);
    bool expired(uint64_t now_ms) const { return (until & ~kBanned) <= now_ms / kUnitMs; }
    uint64_t eviction_rank() const;
    void move_to(uint32_t now_slice);
    size_t sum() const;
  };
  static_assert(sizeof(Record) == 24);
  static constexpr uint32_t kBanned = uint32_t{1} << 31;
  static constexpr uint32_t kByHand = UINT32_MAX;
  static constexpr uint64_t kUnitMs = 100;

  // An address's attempts. While one waits, at least one is in flight, whose end gives the next one
  // its turn.
  struct Attempts {
    size_t in_flight = 0;
    IntrusiveList<Attempt> waiting;
  };
  using AttemptsByKey = std::unordered_map<uint64_t, Attempts>;

  static uint32_t slice_at(const LoginFailures& rules, uint64_t now_ms);
  uint64_t key_of(uint64_t client) const;
  uint64_t key_of(uint64_t client, uint64_t user) const;
  static size_t count(const LoginFailures& rules, uint64_t now_ms, Record& record);
  void forgive(const LoginFailures& rules, uint64_t client, uint64_t user, uint64_t now_ms);
  static size_t most_in_flight(const LoginFailures& rules, uint64_t now_ms, Record* record);
  static imap::LoginLeave take_turn(Attempt& attempt, Attempts& attempts, Record* record);
  static void let_go(Attempts& attempts, uint64_t now_ms, Record* record);
  static void refuse_all(Attempts& attempts);
  void give_back(Attempt& attempt);
  void list(const Ban& ban);
  void forget_ended(uint64_t now_ms);
  void take_off_list(uint64_t client);

  const SipHash::Key name_key_;
  const SipHash::Key table_key_;
  ClientTable<Record, AttemptsByKey> table_{kRecords};
  // The records know no addresses.
  std::mutex listed_mutex_;
  std::list<Ban> listed_;                                             // the last one first
  std::unordered_map<uint64_t, std::list<Ban>::iterator> listed_at_;  // by client_number()
  std::atomic<uint64_t> changes_ = 0;
};

}  // namespace postern
