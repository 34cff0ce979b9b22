// Probe: looks at an IMAP server as a troubleshooter does, and fills a Record: resolves its name
// and its services, visits ports 993 and 143 (or the one that was named) of each address, then
// scans the TLS of one port of each address. Bounded: one connection of a port at a time,
// kMostAddresses addresses beside each other, plan.h's number of connections, and `timeout_ms` in
// all. One thread, that of the loop; destroyed outside of callbacks and before the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/net/address.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/probe/internal/credentials.h"
#include "proxy/probe/internal/offers.h"
#include "proxy/probe/internal/visit.h"
#include "proxy/probe/record.h"

namespace postern::probe {

struct Request {
  static constexpr uint64_t kTimeoutMs = 9'000;

  net::HostPort target = {};       // port 0: 993 and 143
  std::optional<Way> begins = {};  // the first visit; else as the number of the port says
  std::string name = {};           // that the certificate must be for; empty: the host
  std::string ca_file = {};        // authorities to trust in place of the system's; empty: those
  uint64_t timeout_ms = kTimeoutMs;
  std::shared_ptr<const Credentials> credentials = {};  // of a user to log in; null: no login
};

class Probe final : private net::ResolveObserver, private net::Deadline {
 public:
  static constexpr size_t kMostAddresses = 8;
  static constexpr uint64_t kVisitMs = 2'500;  // the most that one connection gets

  // All must outlive the probe.
  Probe(net::Loop& loop, tls::Workspace& workspace, const Offers& offers, Request request);
  ~Probe() override;
  void start();
  bool done() const { return done_; }
  const Record& record() const { return record_; }

 private:
  class PortWalk;
  class ServiceLook;
  struct AddressWalk;

  void on_resolved(const std::vector<net::Address>& addresses) override;
  void on_resolve_failure(const Error& error) override;
  void on_deadline() override;

  void add_address(const net::Address& address);
  std::optional<VisitPlan> take_login(const PortRecord& port);
  void port_rests(AddressWalk& walk);
  void address_done();
  void service_done();
  void finish_if_done();
  void finish();

  net::Loop& loop_;
  const Offers& offers_;
  const Request request_;
  const VisitServices services_;
  net::Resolver resolver_;
  Record record_;
  std::vector<std::unique_ptr<AddressWalk>> walks_;
  std::vector<std::unique_ptr<ServiceLook>> service_looks_;
  size_t unfinished_ = 1;  // the name, then its addresses
  size_t services_left_ = 0;
  uint64_t began_us_ = 0;
  bool login_begun_ = false;
  bool done_ = false;
};

}  // namespace postern::probe
