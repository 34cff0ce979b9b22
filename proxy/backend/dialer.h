// Dialer leads from "this session needs a backend" to a stream on which the backend has greeted:
// resolve, connect, TLS or STARTTLS where the hop asks for it, greeting. It tries the pool's
// servers, and each server's addresses, until one serves or the time is up; each attempt gets its
// share of the time left, so that a silent server can't use up the time of the next. Loop's thread
// only; gone once the relay begins.
//
//   resolve -> connect -> [PROXY header] -> [TLS] -> greeting -> [STARTTLS -> TLS -> CAPABILITY]
//      -> [ID] -> on_connected
//      any failure: count, log, next address or next server -> on_dial_failed when none is left
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "proxy/backend/client_identity.h"
#include "proxy/backend/dns_cache.h"
#include "proxy/backend/pool.h"
#include "proxy/imap/backend_preamble.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

struct DialResult {
  std::unique_ptr<net::Stream> stream;  // open; its observer is still the dialer: replace it
  std::string first_bytes;              // the greeting and what followed it
  ServerSlot slot;
};

class DialerObserver {
 public:
  virtual void on_connected(DialResult result) = 0;
  virtual void on_dial_failed(const Error& last_error) = 0;

 protected:
  ~DialerObserver() = default;
};

// What a dialer needs of its worker; all must outlive it.
struct DialerServices {
  net::Loop& loop;
  tls::Workspace& workspace;
  metrics::Counters& counters;
  const metrics::LabelSets& labels;
  BackendFacts& facts;
};

class Dialer final : public net::Retirable,
                     private net::StreamObserver,
                     private DnsCacheObserver,
                     private net::Deadline {
 public:
  // `pool` and `observer` must outlive the dialer. Nothing is reported from inside start().
  Dialer(const DialerServices& services, Pool& pool, const net::Address& client,
         IdentityPreamble identity, uint64_t timeout_ms, DialerObserver& observer);
  ~Dialer() override;
  void start();
  // Gives up; no callback follows.
  void cancel();

 private:
  void try_server();
  void on_addresses() override { try_address(); }
  void on_no_addresses(const Error& error) override { attempt_failed(error); }
  void try_address();

  void on_open() override;
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_deadline() override;

  void take_step(imap::BackendPreamble::Step step);
  void secure();
  void note_handshake();
  void note_refusal_of_identity();
  void succeed();
  void attempt_failed(Error error);  // by value: the error dies with the attempt
  void report_failure(const Error& error);
  const char* advice(const Error& error) const;
  void drop_stream();
  uint64_t time_left_ms() const;
  BackendServer& server() { return pool_.server(order_[server_index_]); }

  const DialerServices services_;
  Pool& pool_;
  const IdentityPreamble identity_;
  DialerObserver& observer_;
  const uint64_t give_up_ms_;
  const uint64_t started_us_;
  std::vector<size_t> order_;
  size_t server_index_ = 0;
  uint64_t server_give_up_ms_ = 0;
  size_t address_index_ = 0;
  uint32_t generation_ = 0;  // of the server's addresses
  // One of the two is set while an attempt is on its way.
  std::unique_ptr<net::TcpStream> plain_;
  std::unique_ptr<TlsStream> tls_;
  std::optional<imap::BackendPreamble> preamble_;
  const char* during_ = "";
  bool done_ = false;
};

}  // namespace postern
