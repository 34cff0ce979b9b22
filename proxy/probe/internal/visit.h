// Visit: one connection of a probe to one port of one address, as its plan says:
//
//   connect -> [TLS] -> greeting -> [STARTTLS -> TLS] -> CAPABILITY -> [user's commands] -> LOGOUT
//
// It fills a VisitRecord, whatever happens. Loop's thread only; Loop::retire() deletes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/imap/backend_preamble.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/probe/record.h"
#include "proxy/transport/tls_stream.h"

namespace postern::probe {

// What visits share; all must outlive them.
struct VisitServices {
  net::Loop& loop;
  tls::Workspace& workspace;
  const tls::Verifier& verifier;             // judges, but no handshake fails by it
  const Credentials* credentials = nullptr;  // of visits that log in
};

class Visit;

class VisitObserver {
 public:
  // The record is complete; the observer retires the visit.
  virtual void on_visited(Visit& visit) = 0;

 protected:
  ~VisitObserver() = default;
};

class Visit final : public net::Retirable, private net::StreamObserver, private net::Deadline {
 public:
  Visit(const VisitServices& services, const tls::ClientContext& context, const VisitPlan& plan,
        std::string name, VisitObserver& observer);
  ~Visit() override;
  void start(const net::Address& address, uint64_t timeout_ms);
  // No callback follows.
  void cancel();
  VisitRecord& record() { return record_; }

 private:
  using Step = imap::BackendPreamble::Step;

  void on_open() override;
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_deadline() override;

  void note_handshake();
  void note_first_line(Bytes bytes);
  void note_injection(Bytes bytes);
  void begin_imap();
  void secure();
  void take_step(Step step);
  void begin_user();
  void take_user_step(UserWalk::Step step);
  void note_words();
  void fail(const Error& error);
  void end();
  net::Stream& stream();
  uint64_t lap_us();

  const VisitServices& services_;
  const tls::ClientContext& context_;
  const std::string name_;
  VisitObserver& observer_;
  VisitRecord record_;
  uint64_t lap_began_us_ = 0;
  // One of the two is set while the visit is on its way.
  std::unique_ptr<net::TcpStream> plain_;
  std::unique_ptr<TlsStream> tls_;
  std::optional<imap::BackendPreamble> preamble_;
  std::optional<UserWalk> user_;
  bool first_line_ends_ = false;
  std::string inside_;  // what came inside TLS, while an answer to the injected command may come
};

}  // namespace postern::probe
