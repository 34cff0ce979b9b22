// Dialer leads from "this session needs a backend" to a stream on which the backend has greeted. It
// tries the pool's servers, and each server's addresses, in order: the next begins kHeadStartMs
// after the last, a backup kBackupHeadStartMs, or when one fails, with at most kBeside on their way
// (RFC 8305); the first that greets wins, and the others are closed. Addresses that rest after a
// failure, in whichever worker, come last, once nothing else is on its way; servers that are full
// are left out. Loop's thread only; gone once the relay begins.
//
//   resolve -> Attempt -> on_connected
//      any failure: count, log, next address or next server -> on_dial_failed when none is left
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/attempt.h"
#include "proxy/backend/client_identity.h"
#include "proxy/backend/dial_failure.h"
#include "proxy/backend/header_trial.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/pool/dns_cache.h"
#include "proxy/pool/pool.h"

namespace postern {

struct DialResult {
  std::unique_ptr<net::Stream> stream;  // open; its observer is still the attempt: replace it
  std::string first_bytes;              // the greeting and what followed it
  ServerSlot slot;
  std::optional<tls::Handshake> handshake = {};  // if the hop has TLS
  std::unique_ptr<HeaderTrial> trial = {};       // if the server was sent a PROXY header
};

class DialerObserver {
 public:
  virtual void on_connected(DialResult result) = 0;
  virtual void on_dial_failed(const Error& last_error) = 0;

 protected:
  ~DialerObserver() = default;
};

class Dialer final : public net::Retirable,
                     private AttemptObserver,
                     private DnsCacheObserver,
                     private net::Deadline {
 public:
  static constexpr uint64_t kHeadStartMs = 250;  // RFC 8305's Connection Attempt Delay
  // What a server has before a backup begins.
  static constexpr uint64_t kBackupHeadStartMs = 1'000;
  static constexpr size_t kBeside = 3;
  // Of one session, whatever the size of the pool.
  static constexpr size_t kMostAttempts = 16;
  // What an attempt gets at least, while there is time.
  static constexpr uint64_t kLeastMs = 1'000;

  // `pool` and `observer` must outlive the dialer. Nothing is reported from inside start().
  Dialer(const DialerServices& services, Pool& pool, const net::Address& client,
         IdentityPreamble identity, uint64_t timeout_ms, DialerObserver& observer);
  ~Dialer() override;
  void start();
  // Gives up; no callback follows.
  void cancel();
  // The same, because the client has gone. A server that kept it waiting is on record, but that is
  // no failure that others know of: the server may have needed little more.
  void client_left();

 private:
  enum class Next : uint8_t { Begun, LookingUp, Later, None };

  void go_on();
  bool begin_or_wait();
  Next begin_next();
  bool begin_last_resort();
  bool pass_by(CircuitBreaker& breaker);
  bool pass_by_full();
  bool is_too_early() const;
  const Endpoint* next_endpoint();
  void visit(size_t server_index);
  void next_server() { visit(server_index_ + 1); }

  void wait_for_addresses();
  bool is_looking_up() const { return ListNode<DnsCacheObserver>::linked(); }
  void on_addresses() override;
  void on_no_addresses(const Error& error) override;
  void on_deadline() override;

  void begin_attempt(const Endpoint& endpoint, ServerSlot slot);
  uint64_t share_ms() const;
  void on_greeted(Attempt& attempt) override;
  void on_attempt_failed(Attempt& attempt, const Error& error) override;
  void end_attempts(const Attempt* winner);
  void note_overtaken(const Attempt& attempt, bool is_slow);
  void note_change(const Attempt& attempt, CircuitBreaker::Change change, const Error& error,
                   Cause cause);
  void count(const BackendServer& server, const Error& error);
  size_t place_of(const BackendServer& server) const;
  void stop_waiting();
  uint64_t time_left_ms() const;
  BackendServer& server() const { return pool_.server(order_[server_index_]); }

  const DialerServices services_;
  Pool& pool_;
  const IdentityPreamble identity_;
  DialerObserver& observer_;
  const uint64_t give_up_ms_;
  const uint64_t started_us_;
  const net::Address client_;
  const std::vector<size_t> order_;
  size_t server_index_ = 0;
  size_t first_address_ = 0;  // of the server at hand, among equals
  size_t address_index_ = 0;  // from there on
  bool is_resolved_ = false;  // the name of the server at hand
  bool passed_by_ = false;    // something that rests has not been tried
  bool last_resort_ = false;  // resting ones are tried, too
  uint64_t began_ms_ = 0;     // the last attempt
  std::vector<net::Address> tried_;
  std::vector<std::unique_ptr<Attempt>> attempts_;  // on their way, the oldest first
  Error last_error_ = dial_error(DialFailure::NoServer, "choosing a server");
  bool done_ = false;
};

}  // namespace postern
