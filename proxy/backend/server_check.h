// ServerCheck: the checks of one server's health, again and again: each round looks up its name and
// connects to each of its addresses, as a session would, until it has answered CAPABILITY. Rows of
// successes and failures make an address well or down for the whole process; sessions take it out
// beside that. One thread, that of the loop; Loop::retire() deletes it. The pool, whose backend has
// `health`, and its server outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/backend/attempt.h"
#include "proxy/backend/client_identity.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/pool/dns_cache.h"
#include "proxy/pool/pool.h"

namespace postern {

class ServerCheck final : public net::Retirable,
                          private AttemptObserver,
                          private DnsCacheObserver,
                          private net::Deadline {
 public:
  // The longest until the next round while a state may change.
  static constexpr uint64_t kSoonMs = 2'000;

  ServerCheck(const DialerServices& services, Pool& pool, BackendServer& server);
  ~ServerCheck() override;
  void start(uint64_t delay_ms);
  // No check goes on, and none follows.
  void cancel();

 private:
  // Checks of one address, one after another, with the same result.
  struct Row {
    Endpoint endpoint;
    size_t succeeded = 0;
    size_t failed = 0;
    std::optional<Cause> fault = {};  // though it greets
  };

  void on_deadline() override;
  void on_addresses() override;
  void on_no_addresses(const Error& error) override;
  void check_addresses();
  void follow_addresses();
  void on_greeted(Attempt& attempt) override;
  void on_attempt_failed(Attempt& attempt, const Error& error) override;
  void note_fault(Row& row, const Attempt& attempt);
  void attempt_ended(Attempt& attempt);
  void end_round();
  bool is_settled() const;
  Row& row_of(const Attempt& attempt);
  void count(size_t result);

  const DialerServices services_;
  Pool& pool_;
  BackendServer& server_;
  const HealthConfig config_;
  const IdentityPreamble preamble_;
  std::vector<Row> rows_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::vector<std::unique_ptr<net::Stream>> left_;  // of the last round, closed
};

}  // namespace postern
