// Attempt: one connection to one address of a server, from connect(2) until the server has greeted:
//
//   connect -> [PROXY header] -> [TLS] -> greeting -> [STARTTLS -> TLS -> CAPABILITY] -> [ID]
//      -> on_greeted, or on_attempt_failed from any step
//
// It writes the log's line about its failure. Loop's thread only; Loop::retire() deletes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "metrics/counters.h"
#include "proxy/backend/client_identity.h"
#include "proxy/cause/cause.h"
#include "proxy/imap/backend_preamble.h"
#include "proxy/log/log.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/pool/backend_facts.h"
#include "proxy/pool/pool.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

// What a dialer needs of its worker; all must outlive it.
struct DialerServices {
  net::Loop& loop;
  tls::Workspace& workspace;
  metrics::Counters& counters;
  const metrics::LabelSets& labels;
  BackendFacts& facts;
};

class Attempt;

class AttemptObserver {
 public:
  virtual void on_greeted(Attempt& attempt) = 0;
  virtual void on_attempt_failed(Attempt& attempt, const Error& error) = 0;

 protected:
  ~AttemptObserver() = default;
};

class Attempt final : public net::Retirable, private net::StreamObserver, private net::Deadline {
 public:
  // All must outlive the attempt, or it is cancelled before they go.
  Attempt(const DialerServices& services, Pool& pool, BackendServer& server, ServerSlot slot,
          const IdentityPreamble& identity, AttemptObserver& observer,
          log::Level failures = log::Level::Warn);
  ~Attempt() override;
  // Nothing is reported from inside start().
  void start(const Endpoint& endpoint, uint64_t timeout_ms);
  // Gives up; no callback follows.
  void cancel();
  // The client does not wait any longer. If the server has had some time, puts on record what it
  // was awaited for, and returns that.
  std::optional<Error> note_silence();

  BackendServer& server() const { return server_; }
  const net::Address& address() const { return endpoint_.address; }
  CircuitBreaker& breaker() const { return *endpoint_.breaker; }
  const Endpoint& endpoint() const { return endpoint_; }
  // After on_attempt_failed: why, and what the server has shown or said of it, if it has.
  Cause cause() const { return cause_; }
  const std::string& evidence() const { return evidence_; }
  // Of the server's addresses, when the attempt began.
  uint32_t generation() const { return generation_; }

  // After on_greeted. The stream is open, and the attempt is its observer until it is replaced.
  std::unique_ptr<net::Stream> take_stream();
  ServerSlot take_slot() { return std::move(slot_); }
  // If the hop has TLS.
  const std::optional<tls::Handshake>& handshake() const { return handshake_; }
  const imap::BackendPreamble& preamble() const { return *preamble_; }
  std::string first_bytes() { return preamble_->first_bytes(); }  // the greeting and what followed

 private:
  void on_open() override;
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_deadline() override;

  imap::BackendPreamble::Before before() const;
  void connect();
  bool connect_from_another();
  bool broke_off_on_header(const Error& error) const;
  bool is_greeted() const;
  uint64_t age_ms() const { return (net::Loop::now_us() - started_us_) / 1000; }
  Error explain(const Error& error) const;
  bool is_silent() const;
  Error silence();
  void put_on_record(const Error& error);
  void take_step(imap::BackendPreamble::Step step);
  void secure();
  void note_handshake();
  void note_preauth();
  void note_refusal_of_identity();
  void succeed();
  void fail(const Error& error);
  void log_failure(const Error& error) const;
  void book_failure(const Error& error) const;
  Cause find_cause(const Error& error) const;
  std::string find_evidence() const;

  const DialerServices& services_;
  Pool& pool_;
  BackendServer& server_;
  ServerSlot slot_;
  const IdentityPreamble& identity_;
  AttemptObserver& observer_;
  const log::Level failures_;  // the level of the line about its failure
  Endpoint endpoint_;
  net::Address source_;      // that the operator has named, if any
  size_t sources_left_ = 0;  // not tried
  uint32_t generation_ = 0;
  uint64_t started_us_ = 0;
  uint64_t knock_ms_ = 0;  // what is left of the time when a silent server is asked for TLS
  bool knocked_ = false;
  // One of the two is set while the attempt is on its way.
  std::unique_ptr<net::TcpStream> plain_;
  std::unique_ptr<TlsStream> tls_;
  std::optional<tls::Handshake> handshake_;
  std::optional<imap::BackendPreamble> preamble_;
  const char* during_ = "";
  Cause cause_ = Cause::BackendUnavailable;
  std::string evidence_;
};

}  // namespace postern
