#include "proxy/probe/probe.h"

#include <algorithm>
#include <utility>

#include "proxy/backend/dial_failure.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/probe/internal/plan.h"

namespace postern::probe {
namespace {

constexpr uint16_t kPorts[] = {993, 143};
constexpr const char* kServices[] = {"_imaps._tcp", "_imap._tcp"};

}  // namespace

// One port of an address: its visits, one after another.
class Probe::PortWalk final : private VisitObserver {
 public:
  PortWalk(Probe& owner, AddressWalk& address, const net::Address& at)
      : owner_(owner), address_(address), all_(owner.offers_.make_resuming()) {
    record_.address = at;
    record_.begins = owner.request_.begins;
  }

  void look() {
    if (!visit_next()) {
      owner_.port_rests(address_);
    }
  }
  void scan() {
    scans_ = true;
    if (!visit_next()) {
      owner_.address_done();
    }
  }
  void cancel() {
    if (visit_ != nullptr) {
      visit_->cancel();
      owner_.loop_.retire(std::move(visit_));
    }
  }
  bool rests() const { return visit_ == nullptr; }
  const PortRecord& record() const { return record_; }

 private:
  // False if there is nothing more to see.
  bool visit_next() {
    auto plan = scans_ ? next_scan(record_) : next_look(record_);
    if (scans_ && !plan) {
      plan = owner_.take_login(record_);
    }
    if (!plan) {
      return false;
    }
    const bool is_all = plan->offer == Offer::All || plan->offer == Offer::Again;
    VisitObserver& observer = *this;
    visit_ =
        std::make_unique<Visit>(owner_.services_, is_all ? *all_ : owner_.offers_.of(plan->offer),
                                *plan, owner_.record_.name, observer);
    visit_->start(record_.address, std::min(kVisitMs, owner_.request_.timeout_ms / 3));
    return true;
  }

  void on_visited(Visit& visit) override {
    record_.visits.push_back(std::move(visit.record()));
    owner_.loop_.retire(std::move(visit_));
    if (!visit_next()) {
      owner_.port_rests(address_);
    }
  }

  Probe& owner_;
  AddressWalk& address_;
  const std::unique_ptr<tls::ClientContext> all_;
  PortRecord record_;
  std::unique_ptr<Visit> visit_;
  bool scans_ = false;
};

// What the DNS says of one service.
class Probe::ServiceLook final : private net::SrvObserver {
 public:
  ServiceLook(Probe& owner, const char* service)
      : owner_(owner), service_(service), lookup_(owner.loop_) {}
  void start() {
    net::SrvObserver& observer = *this;
    lookup_.ask(service_ + ("." + owner_.record_.host), observer);
  }
  void cancel() { lookup_.cancel(); }

 private:
  void on_srv(const std::vector<net::SrvRecord>& records) override {
    for (const net::SrvRecord& one : records) {
      owner_.record_.services.push_back({service_, one});
    }
    owner_.service_done();
  }

  Probe& owner_;
  const char* const service_;
  net::SrvLookup lookup_;
};

struct Probe::AddressWalk {
  std::vector<std::unique_ptr<PortWalk>> ports;
  bool scans = false;
};

Probe::Probe(net::Loop& loop, tls::Workspace& workspace, const Offers& offers, Request request)
    : loop_(loop),
      offers_(offers),
      request_(std::move(request)),
      services_{.loop = loop,
                .workspace = workspace,
                .verifier = offers.verifier(),
                .credentials = request_.credentials.get()},
      resolver_(loop) {
  const net::HostPort& target = request_.target;
  record_.default_ports = target.port == 0;
  record_.target = record_.default_ports ? target.host : target.text();
  record_.host = target.host;
  record_.wants_login = request_.credentials != nullptr;
  record_.name = request_.name.empty() ? target.host : request_.name;
}

Probe::~Probe() {
  for (const auto& walk : walks_) {
    for (const auto& port : walk->ports) {
      port->cancel();
    }
  }
}

void Probe::start() {
  began_us_ = net::Loop::now_us();
  arm(loop_.deadlines(), request_.timeout_ms);
  resolver_.resolve({request_.target.host, kPorts[0]}, *this);
  const bool is_name = !net::Address::parse(net::HostPort{record_.host, kPorts[0]}.text());
  if (record_.default_ports && is_name) {
    for (const char* service : kServices) {
      service_looks_.push_back(std::make_unique<ServiceLook>(*this, service));
      ++services_left_;
      service_looks_.back()->start();
    }
  }
}

// ---- the name

void Probe::on_resolved(const std::vector<net::Address>& addresses) {
  record_.resolve_us = net::Loop::now_us() - began_us_;
  const size_t count = std::min(addresses.size(), kMostAddresses);
  record_.addresses_left_out = addresses.size() - count;
  for (size_t i = 0; i < count; ++i) {
    add_address(addresses[i]);
  }
  unfinished_ = walks_.size();
  for (const auto& walk : walks_) {
    for (const auto& port : walk->ports) {
      port->look();
    }
  }
}

void Probe::on_resolve_failure(const Error& error) {
  record_.resolve_us = net::Loop::now_us() - began_us_;
  record_.resolve_failure = cause_of_failure(error);
  record_.resolve_evidence = error.text();
  unfinished_ = 0;
  finish_if_done();
}

void Probe::add_address(const net::Address& address) {
  auto walk = std::make_unique<AddressWalk>();
  const auto add = [&](uint16_t port) {
    walk->ports.push_back(
        std::make_unique<PortWalk>(*this, *walk, net::Address::from_ip(address.ip(), port)));
  };
  if (record_.default_ports) {
    std::ranges::for_each(kPorts, add);
  } else {
    add(request_.target.port);
  }
  walks_.push_back(std::move(walk));
}

// ---- its ports

// Once, at the first port that will do.
std::optional<VisitPlan> Probe::take_login(const PortRecord& port) {
  if (request_.credentials == nullptr || login_begun_) {
    return std::nullopt;
  }
  const auto plan = login_plan(port);
  login_begun_ = plan.has_value();
  return plan;
}

// The looks at all ports come first, then the scan of one that has TLS.
void Probe::port_rests(AddressWalk& walk) {
  if (walk.scans) {
    address_done();
    return;
  }
  if (!std::ranges::all_of(walk.ports, [](const auto& port) { return port->rests(); })) {
    return;
  }
  walk.scans = true;
  const auto with_tls =
      std::ranges::find_if(walk.ports, [](const auto& port) { return has_tls(port->record()); });
  if (with_tls == walk.ports.end()) {
    address_done();
  } else {
    (*with_tls)->scan();
  }
}

void Probe::address_done() {
  --unfinished_;
  finish_if_done();
}

void Probe::service_done() {
  --services_left_;
  finish_if_done();
}

void Probe::finish_if_done() {
  if (unfinished_ == 0 && services_left_ == 0) {
    finish();
  }
}

// ---- the end

void Probe::on_deadline() {
  services_left_ = 0;
  if (walks_.empty() && !record_.resolve_failure) {
    resolver_.cancel();
    on_resolve_failure(dial_error(DialFailure::NameServerSilent, "looking up the name"));
    return;
  }
  record_.complete = unfinished_ == 0;
  finish();
}

void Probe::finish() {
  disarm();
  for (const auto& look : service_looks_) {
    look->cancel();
  }
  for (const auto& walk : walks_) {
    for (const auto& port : walk->ports) {
      port->cancel();
      record_.ports.push_back(port->record());
    }
  }
  record_.took_ms = (net::Loop::now_us() - began_us_) / 1000;
  done_ = true;
}

}  // namespace postern::probe
