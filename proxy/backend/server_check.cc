#include "proxy/backend/server_check.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/backend/backend_labels.h"
#include "proxy/backend/dial_failure.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/backend/finding.h"
#include "proxy/base/check.h"
#include "proxy/base/jitter.h"
#include "proxy/log/log.h"
#include "proxy/pool/health_log.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

ServerCheck::ServerCheck(const DialerServices& services, Pool& pool, BackendServer& server)
    : services_(services),
      pool_(pool),
      server_(server),
      config_(*pool.config().health),
      preamble_(check_preamble(pool.config())) {}

ServerCheck::~ServerCheck() = default;

void ServerCheck::start(uint64_t delay_ms) {
  arm(services_.loop.deadlines(), delay_ms);
}

void ServerCheck::cancel() {
  disarm();
  ListNode<DnsCacheObserver>::unlink();
  for (auto& attempt : attempts_) {
    attempt->cancel();
    services_.loop.retire(std::move(attempt));
  }
  attempts_.clear();
}

// ---- the name of the server

void ServerCheck::on_deadline() {
  if (ListNode<DnsCacheObserver>::linked()) {  // the look-up has taken too long
    ListNode<DnsCacheObserver>::unlink();
    if (server_.addresses.serve_stale(services_.loop.now_ms())) {
      check_addresses();
    } else {
      on_no_addresses(dial_error(DialFailure::NameServerSilent, "resolving the backend's name"));
    }
    return;
  }
  left_.clear();
  DnsCacheObserver& observer = *this;
  if (server_.addresses.ask(services_.loop, server_.config.host, observer)) {
    check_addresses();
  } else {
    arm(services_.loop.deadlines(), config_.timeout_ms);
  }
}

void ServerCheck::on_addresses() {
  disarm();
  server_.health->name.served(services_.loop.now_ms());
  check_addresses();
}

// The line and the state are as with a session.
void ServerCheck::on_no_addresses(const Error& error) {
  disarm();
  count(services_.labels.index_of<Label::ConnectResult>(error.label()).value);
  const auto change = server_.health->name.failed(services_.loop.now_ms());
  if (change != CircuitBreaker::Change::None) {
    log_failed(pool_, server_, error, cause_of_failure(error));
    services_.facts.failures.add(cause_of_failure(error), pool_.label(), [&] {
      return FailureBook::Details{.server = server_.text, .said = error.text()};
    });
  }
  end_round();
}

// ---- its addresses

void ServerCheck::check_addresses() {
  follow_addresses();
  for (const Row& row : rows_) {
    AttemptObserver& observer = *this;
    attempts_.push_back(std::make_unique<Attempt>(
        services_, pool_, server_, ServerSlot(), preamble_, observer,
        row.failed == 0 ? log::Level::Warn : log::Level::Debug));  // one line for a row
    attempts_.back()->start(row.endpoint, config_.timeout_ms);
  }
}

void ServerCheck::follow_addresses() {
  std::vector<Row> rows;
  for (const Endpoint& endpoint : server_.endpoints()) {
    const auto known = std::ranges::find(rows_, endpoint.breaker,
                                         [](const Row& row) { return row.endpoint.breaker; });
    rows.push_back(known != rows_.end() ? *known : Row{.endpoint = endpoint});
  }
  rows_ = std::move(rows);
}

void ServerCheck::on_greeted(Attempt& attempt) {
  count(kConnectSuccess.value);
  if (const auto list = attempt.preamble().capabilities(); !list.empty()) {
    server_.health->note_capabilities(list);
  }
  Row& row = row_of(attempt);
  note_fault(row, attempt);
  left_.push_back(attempt.take_stream());
  say_goodbye(*left_.back());
  row.failed = 0;
  if (++row.succeeded >= config_.rise &&
      server_.health->served(attempt.breaker(), services_.loop.now_ms())) {
    log_serves_again(services_.facts.changes, pool_, server_, attempt.address());
  }
  attempt_ended(attempt);
}

// Once for each change: a server may greet and still take no login.
void ServerCheck::note_fault(Row& row, const Attempt& attempt) {
  const auto fault = find_fault(pool_.config(), attempt);
  if (fault == std::exchange(row.fault, fault)) {
    return;
  }
  const std::string address = endpoint_text(server_, attempt.address());
  if (!fault) {
    log::info("backend is usable again", {{"backend", pool_.config().name},
                                          {"server", server_.text},
                                          log::Field::optional("address", address)});
    return;
  }
  services_.facts.failures.add(*fault, pool_.label(), [&] {
    return FailureBook::Details{.server = server_.text,
                                .said = std::string(attempt.preamble().first_bytes())};
  });
  log::warn("backend is not usable",
            {{"backend", pool_.config().name},
             {"server", server_.text},
             log::Field::optional("address", address),
             {"cause", name_of(*fault)},
             {"advice", fix_for(*fault, attempt.preamble().first_bytes())}});
}

void ServerCheck::on_attempt_failed(Attempt& attempt, const Error& error) {
  count(services_.labels.index_of<Label::ConnectResult>(error.label()).value);
  if (!is_own(error)) {
    Row& row = row_of(attempt);
    row.succeeded = 0;
    if (++row.failed >= config_.fall && attempt.breaker().fell(services_.loop.now_ms())) {
      log_down(services_.facts.changes, pool_, server_, attempt.address(), error, attempt.cause());
    }
    server_.addresses.expire();  // it may have moved
  }
  attempt_ended(attempt);
}

void ServerCheck::attempt_ended(Attempt& attempt) {
  const auto ended =
      std::ranges::find(attempts_, &attempt, [](const auto& one) { return one.get(); });
  services_.loop.retire(std::move(*ended));
  attempts_.erase(ended);
  if (attempts_.empty()) {
    end_round();
  }
}

// ---- the next round

void ServerCheck::end_round() {
  const uint64_t wait_ms =
      is_settled() ? config_.interval_ms : std::min(config_.interval_ms, kSoonMs);
  // Replicas do not check all at once.
  start(wait_ms - wait_ms / 10 + jitter(services_.loop.now_ms(), wait_ms / 5 + 1));
}

// Whether the next check can change no state.
bool ServerCheck::is_settled() const {
  return std::ranges::all_of(rows_, [](const Row& row) {
    const CircuitBreaker& breaker = *row.endpoint.breaker;
    return breaker.well() ? row.failed == 0 : breaker.down() && row.succeeded == 0;
  });
}

ServerCheck::Row& ServerCheck::row_of(const Attempt& attempt) {
  const auto found = std::ranges::find(rows_, &attempt.breaker(),
                                       [](const Row& row) { return row.endpoint.breaker.get(); });
  check(found != rows_.end(), "an address is checked that is known");
  return *found;
}

void ServerCheck::count(size_t result) {
  services_.counters.count<Metric::BackendProbes>(
      ServerLabel{server_.label}, metrics::LabelIndex<Label::ConnectResult>{result});
}

}  // namespace postern
