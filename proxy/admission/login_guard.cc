#include "proxy/admission/login_guard.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/net/network.h"

namespace postern {

namespace {

// The first failure is answered at once, because everybody mistypes; then the delay doubles.
uint64_t delay_of(const LoginFailures& rules, size_t failures) {
  if (failures < 2) {
    return 0;
  }
  const size_t doublings = std::min<size_t>(failures - 2, 32);
  return std::min(rules.delay_ms << doublings, rules.longest_delay_ms);
}

}  // namespace

LoginGuard::LoginGuard() : name_key_(random_key()), table_key_(random_key()) {}

LoginGuard::Attempt::~Attempt() {
  if (bell_ != nullptr) {
    bell_->attempt = nullptr;
  }
  guard_.give_back(*this);
}

// Called under the lock: while the attempt is in the queue, its session is alive and so is its
// loop. A loop that no longer takes posts is about to end its sessions.
void LoginGuard::Attempt::ring(State state) {
  ListNode<Attempt>::unlink();
  state_ = state;
  const auto leave = state == State::Refused ? imap::LoginLeave::Never : imap::LoginLeave::Go;
  loop_.post([bell = bell_, leave] {
    if (bell->attempt != nullptr) {
      bell->attempt->observer_.on_login_turn(leave);
    }
  });
}

LoginGuard::Begun LoginGuard::begin(const LoginFailures& rules, const net::Address& client,
                                    net::Loop& loop, LoginTurnObserver& observer) {
  if (net::contains(rules.exempt, client)) {
    return {.leave = imap::LoginLeave::Go, .attempt = nullptr};
  }
  const uint64_t key = key_of(client_number(client));
  std::unique_ptr<Attempt> attempt(new Attempt(*this, rules, key, loop, observer));
  const imap::LoginLeave leave = table_.beside(key, [&](Record* record, AttemptsByKey& all) {
    if (record != nullptr && record->banned() && !record->expired(loop.now_ms())) {
      attempt->state_ = Attempt::State::Refused;
      return imap::LoginLeave::Never;
    }
    return take_turn(*attempt, all[key], record);
  });
  return {.leave = leave, .attempt = std::move(attempt)};
}

imap::LoginLeave LoginGuard::take_turn(Attempt& attempt, Attempts& attempts, Record* record) {
  const size_t most = most_in_flight(attempt.rules_, attempt.loop_.now_ms(), record);
  if (attempts.in_flight < most && attempts.waiting.empty()) {
    ++attempts.in_flight;
    return imap::LoginLeave::Go;
  }
  attempt.bell_ = std::make_shared<Attempt::Bell>(Attempt::Bell{&attempt});
  attempt.state_ = Attempt::State::Waiting;
  attempts.waiting.push_back(attempt);
  return imap::LoginLeave::Wait;
}

void LoginGuard::give_back(Attempt& attempt) {
  table_.beside(attempt.key_, [&](Record* record, AttemptsByKey& all) {
    if (attempt.state_ == Attempt::State::Refused) {
      return;
    }
    const auto found = all.find(attempt.key_);
    check(found != all.end(), "an attempt is among those of its address");
    Attempts& attempts = found->second;
    if (attempt.state_ == Attempt::State::Waiting) {
      attempt.ListNode<Attempt>::unlink();
    } else {
      --attempts.in_flight;
    }
    let_go(attempts, attempt.loop_.now_ms(), record);
    if (attempts.in_flight == 0) {
      all.erase(found);
    }
  });
}

void LoginGuard::let_go(Attempts& attempts, uint64_t now_ms, Record* record) {
  while (Attempt* next = attempts.waiting.front()) {
    if (attempts.in_flight >= most_in_flight(next->rules_, now_ms, record)) {
      return;
    }
    ++attempts.in_flight;
    next->ring(Attempt::State::InFlight);
  }
}

void LoginGuard::refuse_all(Attempts& attempts) {
  while (Attempt* next = attempts.waiting.front()) {
    next->ring(Attempt::State::Refused);
  }
}

// At least one, even if a reload has lowered the limit below the failures counted so far: that
// one's failure begins the ban.
size_t LoginGuard::most_in_flight(const LoginFailures& rules, uint64_t now_ms, Record* record) {
  if (record == nullptr || record->expired(now_ms) || record->banned()) {
    return rules.max;
  }
  record->move_to(slice_at(rules, now_ms));
  const size_t failures = record->sum();
  return failures < rules.max ? rules.max - failures : 1;
}

LoginGuard::Verdict LoginGuard::failed(const LoginFailures& rules, const net::Address& client,
                                       uint64_t user, uint64_t now_ms) {
  Verdict verdict;
  if (net::contains(rules.exempt, client)) {
    return verdict;
  }
  verdict.counted = true;
  const uint64_t number = client_number(client);
  const uint64_t key = key_of(number);
  table_.update(key, now_ms, [&](Record& record, AttemptsByKey& all) {
    verdict.banned = record.banned() && !record.expired(now_ms);
    if (verdict.banned) {
      verdict.failures = rules.max;
      return;
    }
    verdict.failures = count(rules, now_ms, record);
    if (verdict.failures >= rules.max) {
      verdict.banned = true;
      verdict.ban_began = true;
      record.ban(now_ms + rules.ban_ms, false);
      if (const auto of_client = all.find(key); of_client != all.end()) {
        refuse_all(of_client->second);
      }
    }
  });
  if (verdict.ban_began) {
    list({.client = client, .until_ms = now_ms + rules.ban_ms});
  }
  verdict.delay_ms = delay_of(rules, verdict.failures);
  if (!verdict.banned && user != 0) {
    table_.update(key_of(number, user), now_ms,
                  [&](Record& record) { count(rules, now_ms, record); });
  }
  return verdict;
}

void LoginGuard::succeeded(const LoginFailures& rules, const net::Address& client, uint64_t user,
                           uint64_t now_ms) {
  if (user != 0) {
    forgive(rules, client_number(client), user, now_ms);
  }
}

bool LoginGuard::banned(const std::optional<LoginFailures>& rules, const net::Address& client,
                        uint64_t now_ms) {
  bool found = false;
  table_.find(key_of(client_number(client)), [&](const Record& record) {
    found = record.banned() && !record.expired(now_ms) && (rules || record.by_hand());
  });
  return found && !(rules && net::contains(rules->exempt, client));
}

// ---- bans by hand, and the list of all

void LoginGuard::ban(const net::Address& client, uint64_t until_ms, uint64_t now_ms, bool by_hand) {
  const uint64_t key = key_of(client_number(client));
  table_.update(key, now_ms, [&](Record& record, AttemptsByKey& all) {
    record.ban(until_ms, by_hand);
    if (const auto of_client = all.find(key); of_client != all.end()) {
      refuse_all(of_client->second);
    }
  });
  list({.client = client, .until_ms = until_ms, .by_hand = by_hand});
}

bool LoginGuard::lift(const net::Address& client, uint64_t now_ms) {
  const uint64_t number = client_number(client);
  bool lifted = false;
  table_.find(key_of(number), [&](Record& record) {
    lifted = record.banned() && !record.expired(now_ms);
    if (lifted) {
      record = Record();
    }
  });
  const std::lock_guard lock(listed_mutex_);
  take_off_list(number);
  changes_.fetch_add(lifted ? 1 : 0, std::memory_order_relaxed);
  return lifted;
}

void LoginGuard::list(const Ban& ban) {
  const uint64_t number = client_number(ban.client);
  const std::lock_guard lock(listed_mutex_);
  take_off_list(number);
  listed_.push_front(ban);
  listed_at_[number] = listed_.begin();
  if (listed_.size() > kListedBans) {
    take_off_list(client_number(listed_.back().client));
  }
  changes_.fetch_add(1, std::memory_order_relaxed);
}

void LoginGuard::take_off_list(uint64_t client) {
  if (const auto found = listed_at_.find(client); found != listed_at_.end()) {
    listed_.erase(found->second);
    listed_at_.erase(found);
  }
}

// Under the lock of the list.
void LoginGuard::forget_ended(uint64_t now_ms) {
  std::erase_if(listed_at_, [now_ms](const auto& ban) { return ban.second->until_ms <= now_ms; });
  std::erase_if(listed_, [now_ms](const Ban& ban) { return ban.until_ms <= now_ms; });
}

size_t LoginGuard::active_bans(uint64_t now_ms) {
  const std::lock_guard lock(listed_mutex_);
  forget_ended(now_ms);
  return listed_.size();
}

std::vector<LoginGuard::Ban> LoginGuard::bans(uint64_t now_ms, size_t most) {
  const std::lock_guard lock(listed_mutex_);
  forget_ended(now_ms);
  const size_t count = std::min(most, listed_.size());
  return {listed_.begin(), std::next(listed_.begin(), static_cast<ptrdiff_t>(count))};
}

std::string LoginGuard::text_of(const net::Address& client) {
  if (!client.is_v6()) {
    return client.ip_text();
  }
  constexpr size_t kOctets = 8;
  std::array<uint8_t, 16> network{};
  std::ranges::copy(client.ip().first(kOctets), network.begin());
  return net::Address::from_ip(network, 0).ip_text() + "/64";
}

size_t LoginGuard::entries(uint64_t now_ms) {
  return table_.sweep(now_ms);
}

// Subtracts the name's failures from the address's, slice by slice.
void LoginGuard::forgive(const LoginFailures& rules, uint64_t client, uint64_t user,
                         uint64_t now_ms) {
  const uint32_t now_slice = slice_at(rules, now_ms);
  Record of_name;
  table_.find(key_of(client, user), [&](Record& record) {
    record.move_to(now_slice);
    of_name = record;
    record.failures = {};
    record.until = 0;
  });
  if (of_name.sum() == 0) {
    return;
  }
  table_.find(key_of(client), [&](Record& record) {
    if (record.banned()) {  // it has no failures
      return;
    }
    record.move_to(of_name.slice);
    for (size_t i = 0; i < kSlices; ++i) {
      record.failures[i] = static_cast<uint8_t>(record.failures[i] -
                                                std::min(record.failures[i], of_name.failures[i]));
    }
    if (record.sum() == 0) {
      record.until = 0;
    }
  });
}

// Counts one more failure; returns how many there are in the window.
size_t LoginGuard::count(const LoginFailures& rules, uint64_t now_ms, Record& record) {
  if (record.expired(now_ms)) {
    record = Record{.key = record.key};
  }
  record.move_to(slice_at(rules, now_ms));
  uint8_t& failures = record.failures[record.slice % kSlices];
  failures = static_cast<uint8_t>(std::min(failures + 1, 255));
  record.until = static_cast<uint32_t>((now_ms + rules.per_ms) / kUnitMs + 1);
  return record.sum();
}

uint32_t LoginGuard::slice_at(const LoginFailures& rules, uint64_t now_ms) {
  return static_cast<uint32_t>(now_ms / std::max<uint64_t>(rules.per_ms / kSlices, 1));
}

uint64_t LoginGuard::key_of(uint64_t client) const {
  SipHash hash(table_key_);
  hash.add(client);
  return std::max<uint64_t>(hash.value() & ~uint64_t{1}, 2);
}

uint64_t LoginGuard::key_of(uint64_t client, uint64_t user) const {
  SipHash hash(table_key_);
  hash.add(client);
  hash.add(user);
  return hash.value() | 1;
}

// Names are evicted first and bans last, older records before newer ones.
uint64_t LoginGuard::Record::eviction_rank() const {
  const uint64_t rank = banned() ? 2 : (key & 1) == 0 ? 1 : 0;
  return rank << 32 | (until & ~kBanned);
}

void LoginGuard::Record::ban(uint64_t until_ms, bool is_by_hand) {
  failures = {};
  slice = is_by_hand ? kByHand : 0;
  until = static_cast<uint32_t>(until_ms / kUnitMs + 1) | kBanned;
}

// Another loop's clock may be a little behind. If it is far off, a reload has changed the length of
// a slice, and the failures counted before can no longer be placed.
void LoginGuard::Record::move_to(uint32_t now_slice) {
  if (now_slice + kSlices < slice || now_slice >= slice + kSlices) {
    failures = {};
    slice = now_slice;
  }
  while (slice < now_slice) {
    failures[++slice % kSlices] = 0;
  }
}

size_t LoginGuard::Record::sum() const {
  return std::accumulate(failures.begin(), failures.end(), size_t{0});
}

}  // namespace postern
