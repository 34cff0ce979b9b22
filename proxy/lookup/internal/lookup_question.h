// LookupQuestion: one question to the service about one user, over one connection of its own, for
// all sessions that want to know:
//
//   (waits for its turn) -> connect, address by address -> [TLS] -> request -> whole answer
//
// Loop's thread only; Loop::retire() deletes it. What it is given outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/intrusive_list.h"
#include "proxy/lookup/answer_reader.h"
#include "proxy/lookup/user_lookup.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

class LookupQuestion final : public net::Retirable,
                             public ListNode<LookupQuestion>,
                             private net::StreamObserver,
                             private net::Deadline {
 public:
  // From here on `timeout_ms` runs. `context` is null in clear.
  LookupQuestion(const LookupServices& services, const LookupConfig& service,
                 const tls::ClientContext* context, std::string name, std::string request,
                 LookupQuestionObserver& observer);
  ~LookupQuestion() override;

  const std::string& name() const { return name_; }
  uint64_t asked_us() const { return asked_us_; }
  bool begun() const { return begun_; }
  // Of the addresses it was begun with, as many have failed.
  size_t failed_addresses() const { return failed_addresses_; }
  IntrusiveList<UserLookupObserver>& observers() { return observers_; }

  // Begins, with the first of `addresses`.
  void start(std::vector<net::Address> addresses);
  // No callback follows. Idempotent.
  void cancel();

 private:
  void on_open() override;
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_end() override { take(reader_.end()); }
  void on_failure(const Error& error) override;
  void on_deadline() override { fail(LookupFailure::TimedOut, {}); }
  void connect();
  void take(LookupAnswerReader::Step step);
  void fail(LookupFailure failure, const Error& error);

  const LookupServices& services_;
  const LookupConfig& service_;
  const tls::ClientContext* const context_;
  const std::string name_;
  const std::string request_;
  LookupQuestionObserver& observer_;
  const uint64_t asked_us_ = net::Loop::now_us();
  IntrusiveList<UserLookupObserver> observers_;
  std::vector<net::Address> addresses_;
  size_t failed_addresses_ = 0;
  // One of the two, while it is on its way.
  std::unique_ptr<net::TcpStream> plain_;
  std::unique_ptr<TlsStream> tls_;
  LookupAnswerReader reader_;
  bool begun_ = false;
  bool sent_ = false;
};

}  // namespace postern
