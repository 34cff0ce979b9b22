#include "proxy/backend/dialer.h"

#include <algorithm>
#include <utility>

#include "proxy/backend/backend_labels.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/log/log.h"
#include "proxy/pool/health_log.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

Dialer::Dialer(const DialerServices& services, Pool& pool, const net::Address& client,
               IdentityPreamble identity, uint64_t timeout_ms, DialerObserver& observer)
    : services_(services),
      pool_(pool),
      identity_(std::move(identity)),
      observer_(observer),
      give_up_ms_(services.loop.now_ms() + timeout_ms),
      started_us_(net::Loop::now_us()),
      client_(client),
      order_(pool.order(client, services.loop.now_ms())) {
  attempts_.reserve(kBeside);
}

Dialer::~Dialer() = default;

void Dialer::start() {
  if (!begin_or_wait()) {
    arm(services_.loop.deadlines(), 0);
  }
}

void Dialer::cancel() {
  done_ = true;
  stop_waiting();
  end_attempts(nullptr);
}

void Dialer::client_left() {
  for (const auto& attempt : attempts_) {
    if (const auto error = attempt->note_silence()) {
      count(attempt->server(), *error);
    }
  }
  cancel();
}

// ---- which address is next

void Dialer::go_on() {
  if (!begin_or_wait()) {
    done_ = true;
    observer_.on_dial_failed(last_error_);
  }
}

// False: nothing is left to begin or to wait for.
bool Dialer::begin_or_wait() {
  stop_waiting();
  switch (begin_next()) {
    case Next::Begun:
      arm(services_.loop.deadlines(), kHeadStartMs);
      return true;
    case Next::LookingUp:
      return true;
    case Next::Later:
      arm(services_.loop.deadlines(), began_ms_ + kBackupHeadStartMs - services_.loop.now_ms());
      return true;
    case Next::None:
      return !attempts_.empty();
  }
  return false;
}

Dialer::Next Dialer::begin_next() {
  if (attempts_.size() == kBeside || tried_.size() == kMostAttempts || time_left_ms() == 0) {
    return Next::None;
  }
  while (server_index_ < order_.size() || begin_last_resort()) {
    if (is_too_early()) {
      return Next::Later;
    }
    if (pass_by_full()) {
      next_server();
      continue;
    }
    // A look-up that was too slow for one session may have ended since.
    is_resolved_ = is_resolved_ || server().addresses.fresh(services_.loop.now_ms());
    if (!is_resolved_ && !pass_by(server().health->name)) {
      is_resolved_ = server().addresses.ask(services_.loop, server().config.host, *this);
      if (!is_resolved_) {
        wait_for_addresses();
        return Next::LookingUp;
      }
    }
    if (const Endpoint* endpoint = next_endpoint()) {
      ServerSlot slot = ServerSlot::acquire(server());
      if (slot.server() != nullptr) {  // else another worker has taken the last one
        begin_attempt(*endpoint, std::move(slot));
        return Next::Begun;
      }
      pass_by_full();
    }
    next_server();
  }
  return Next::None;
}

// A backup is for a session that no other server wants.
bool Dialer::is_too_early() const {
  return server().config.backup && !attempts_.empty() &&
         services_.loop.now_ms() < began_ms_ + kBackupHeadStartMs;
}

bool Dialer::pass_by_full() {
  if (!server().full()) {
    return false;
  }
  const Error error = dial_error(DialFailure::ServerFull, "choosing a server");
  if (tried_.empty()) {
    last_error_ = error;
  }
  if (last_resort_) {  // it is counted already
    return true;
  }
  count(server(), error);
  MinuteCount& passed_by = services_.facts.full[server().label];
  if (const auto sessions = passed_by.add(services_.loop.now_ms())) {
    log::warn("backend is full", {{"backend", pool_.config().name},
                                  {"server", server().text},
                                  {"max_sessions", server().config.max_sessions},
                                  {"passed_by", *sessions}});
    passed_by.clear();
  }
  return true;
}

// What rests is tried when nothing else is left, so that no session waits for it without need.
bool Dialer::begin_last_resort() {
  if (last_resort_ || !passed_by_ || !attempts_.empty()) {
    return false;
  }
  last_resort_ = true;
  visit(0);
  return true;
}

bool Dialer::pass_by(CircuitBreaker& breaker) {
  // What is checked needs no session to find out whether it is back.
  const bool is_checked = pool_.config().health.has_value() && &breaker != &server().health->name;
  if (last_resort_ || (is_checked ? breaker.well() : breaker.claim(services_.loop.now_ms()))) {
    return false;
  }
  passed_by_ = true;
  return true;
}

const Endpoint* Dialer::next_endpoint() {
  if (!is_resolved_) {
    return nullptr;
  }
  const std::vector<Endpoint>& known = server().endpoints();
  if (address_index_ == 0) {
    first_address_ = pool_.first_address(server(), client_);
  }
  while (address_index_ < known.size()) {
    const size_t equals = server().equals();
    const size_t place =
        address_index_ < equals ? (first_address_ + address_index_) % equals : address_index_;
    const Endpoint& endpoint = known[place];
    ++address_index_;
    const bool is_tried = std::find(tried_.begin(), tried_.end(), endpoint.address) != tried_.end();
    if (!is_tried && !pass_by(*endpoint.breaker)) {
      return &endpoint;
    }
  }
  return nullptr;
}

void Dialer::visit(size_t server_index) {
  server_index_ = server_index;
  address_index_ = 0;
  is_resolved_ = false;
}

// ---- the name of a server

// Former addresses, or another server, need not wait long for a slow resolver.
void Dialer::wait_for_addresses() {
  const bool has_former = !server().addresses.known().empty();
  const bool are_others = !last_resort_ && server_index_ + 1 < order_.size();
  arm(services_.loop.deadlines(),
      has_former || are_others ? std::min(kHeadStartMs, time_left_ms()) : share_ms());
}

void Dialer::on_addresses() {
  server().health->name.served(services_.loop.now_ms());
  is_resolved_ = true;
  go_on();
}

void Dialer::on_no_addresses(const Error& error) {
  last_error_ = error;
  count(server(), error);
  server().health->name.failed(services_.loop.now_ms());
  log_failed(pool_, server(), error, cause_of_failure(error));
  services_.facts.failures.add(cause_of_failure(error), pool_.label(), [&] {
    return FailureBook::Details{.server = server().text, .said = error.text()};
  });
  next_server();
  go_on();
}

void Dialer::on_deadline() {
  if (!is_looking_up()) {
    go_on();
  } else if (server().addresses.serve_stale(services_.loop.now_ms())) {
    is_resolved_ = true;
    go_on();
  } else {
    stop_waiting();
    on_no_addresses(dial_error(DialFailure::NameServerSilent, "resolving the backend's name"));
  }
}

// ---- the attempts

void Dialer::begin_attempt(const Endpoint& endpoint, ServerSlot slot) {
  began_ms_ = services_.loop.now_ms();
  tried_.push_back(endpoint.address);
  AttemptObserver& observer = *this;
  attempts_.push_back(
      std::make_unique<Attempt>(services_, pool_, server(), std::move(slot), identity_, observer));
  attempts_.back()->start(endpoint, share_ms());
}

// Of the time left, for one of those that are tried beside each other.
uint64_t Dialer::share_ms() const {
  const size_t addresses = server().addresses.known().size();
  const size_t left =
      1 + (addresses - std::min(addresses, address_index_)) + (order_.size() - server_index_ - 1);
  const size_t rounds = (left + kBeside - 1) / kBeside;
  return std::min(time_left_ms(), std::max(kLeastMs, time_left_ms() / rounds));
}

void Dialer::on_greeted(Attempt& attempt) {
  done_ = true;
  stop_waiting();
  BackendServer& server = attempt.server();
  std::unique_ptr<HeaderTrial> trial;
  if (is_header(pool_.config().client_identity)) {
    trial = std::make_unique<HeaderTrial>(services_, pool_, server, attempt.endpoint());
  } else {
    note_success(services_, pool_, server, attempt.endpoint());
  }
  services_.counters.observe<Metric::BackendConnectDuration>(net::Loop::now_us() - started_us_,
                                                             BackendLabel{pool_.label()});
  DialResult result{.stream = attempt.take_stream(),
                    .first_bytes = attempt.first_bytes(),
                    .slot = attempt.take_slot(),
                    .handshake = attempt.handshake(),
                    .trial = std::move(trial)};
  result.slot.show(services_.counters);
  end_attempts(&attempt);
  observer_.on_connected(std::move(result));
}

void Dialer::on_attempt_failed(Attempt& attempt, const Error& error) {
  BackendServer& server = attempt.server();
  last_error_ = error;
  count(server, error);
  if (!is_own(error)) {
    note_change(attempt, attempt.breaker().failed(services_.loop.now_ms()), error, attempt.cause());
  }
  // The resolver may have answered while a stale address was tried.
  if (attempt.generation() != server.addresses.generation() && !is_looking_up()) {
    visit(place_of(server));
    is_resolved_ = true;
  } else if (server.rests(services_.loop.now_ms())) {
    server.addresses.expire();
  }
  const auto ended =
      std::find_if(attempts_.begin(), attempts_.end(),
                   [&attempt](const auto& other) { return other.get() == &attempt; });
  services_.loop.retire(std::move(*ended));
  attempts_.erase(ended);
  if (!is_looking_up()) {
    go_on();
  }
}

// Closes all but the winner's stream. What began before the winner is too slow to be tried first.
void Dialer::end_attempts(const Attempt* winner) {
  bool began_before = winner != nullptr;
  for (auto& attempt : attempts_) {
    if (attempt.get() == winner) {
      began_before = false;
    } else {
      attempt->cancel();
      if (winner != nullptr) {
        note_overtaken(*attempt, began_before);
      }
    }
    services_.loop.retire(std::move(attempt));
  }
  attempts_.clear();
}

void Dialer::note_overtaken(const Attempt& attempt, bool is_slow) {
  BackendServer& server = attempt.server();
  const Error error =
      dial_error(DialFailure::Overtaken, "waiting for an address that is slower than others");
  count(server, error);
  if (!is_slow) {
    return;
  }
  const auto change = attempt.breaker().overtaken(services_.loop.now_ms());
  if (change == CircuitBreaker::Change::Suspect) {
    log_failed(pool_, server, error, Cause::BackendOvertaken,
               endpoint_text(server, attempt.address()));
  }
  note_change(attempt, change, error, Cause::BackendOvertaken);
}

// The first failure has its own line.
void Dialer::note_change(const Attempt& attempt, CircuitBreaker::Change change, const Error& error,
                         Cause cause) {
  if (change == CircuitBreaker::Change::Down) {
    log_down(services_.facts.changes, pool_, attempt.server(), attempt.address(), error, cause);
  }
}

void Dialer::count(const BackendServer& server, const Error& error) {
  services_.counters.count<Metric::BackendConnects>(
      ServerLabel{server.label}, services_.labels.index_of<Label::ConnectResult>(error.label()));
}

size_t Dialer::place_of(const BackendServer& server) const {
  const auto place = std::find_if(order_.begin(), order_.end(),
                                  [&](size_t i) { return &pool_.server(i) == &server; });
  return static_cast<size_t>(place - order_.begin());
}

void Dialer::stop_waiting() {
  disarm();
  ListNode<DnsCacheObserver>::unlink();
}

uint64_t Dialer::time_left_ms() const {
  const uint64_t now = services_.loop.now_ms();
  return give_up_ms_ > now ? give_up_ms_ - now : 0;
}

}  // namespace postern
