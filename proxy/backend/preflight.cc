#include "proxy/backend/preflight.h"

#include <algorithm>
#include <utility>

#include "proxy/backend/client_identity.h"
#include "proxy/backend/dial_failure.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/backend/finding.h"
#include "tls/context.h"

namespace postern {
namespace {

bool sends_header(const BackendConfig& backend) {
  return !check_preamble(backend).proxy_header.empty();
}

// Failures behind which another way may be the right one.
bool may_be_another_way(Cause cause) {
  switch (cause) {
    case Cause::BackendGreetingTimeout:
    case Cause::BackendSlow:
    case Cause::BackendConnectionClosed:
    case Cause::BackendConnectionReset:
    case Cause::BackendNotImap:
    case Cause::BackendSpeaksPlain:
    case Cause::BackendBrokeOff:
    case Cause::BackendTlsViolation:
    case Cause::BackendProxyHeaderUnexpected:
      return true;
    default:
      return false;
  }
}

bool is_another_service(Cause cause) {
  return cause == Cause::BackendSpeaksPop3 || cause == Cause::BackendSpeaksSmtp ||
         cause == Cause::BackendSpeaksHttp;
}

}  // namespace

// One way to ask the servers of a pool, and what is wrong if it is the one that works.
struct Preflight::Way {
  BackendConfig config;
  std::unique_ptr<Pool> pool;
  IdentityPreamble preamble;
  Cause verdict;
};

struct Preflight::Ways {
  explicit Ways(std::shared_ptr<Pool> pool)
      : configured(std::move(pool)), preamble(check_preamble(configured->config())) {
    const BackendConfig& config = configured->config();
    BackendConfig other = config;
    other.client_identity = sends_header(config) ? ClientIdentity::None : ClientIdentity::ProxyV2;
    add(std::move(other), sends_header(config) ? Cause::BackendProxyHeaderUnexpected
                                               : Cause::BackendProxyHeaderExpected);
    other = config;
    const bool at_once = config.tls == BackendTls::Implicit;
    other.tls = at_once ? BackendTls::None : BackendTls::Implicit;
    other.client_identity = ClientIdentity::None;
    add(std::move(other), at_once ? Cause::BackendSpeaksPlain : Cause::BackendSpeaksTls);
  }

  // A certificate matters only to the way that is configured.
  void add(BackendConfig config, Cause verdict) {
    auto way = std::make_unique<Way>();
    way->config = std::move(config);
    way->verdict = verdict;
    way->preamble = check_preamble(way->config);
    std::unique_ptr<tls::ClientContext> context;
    if (way->config.tls != BackendTls::None) {
      tls::Verification any;
      any.mode = tls::Verification::Mode::None;
      auto made =
          tls::ClientContext::make({.policy = tls::Policy::toward_backend(tls::Version::Tls10),
                                    .verifier = tls::load_verifier(any).value()});
      if (!made) {
        return;  // this way is not tried
      }
      context = std::move(made.value());
    }
    std::vector<size_t> labels;
    PoolHealth health;
    for (size_t i = 0; i < configured->config().servers.size(); ++i) {
      labels.push_back(configured->server(i).label);
      health.push_back(std::make_shared<ServerHealth>());
    }
    way->pool = std::make_unique<Pool>(way->config, std::move(context), configured->label(), labels,
                                       health);
    others.push_back(std::move(way));
  }

  std::shared_ptr<Pool> configured;
  IdentityPreamble preamble;
  std::vector<std::unique_ptr<Way>> others;
};

// One address of a server: the way that is configured, then the others until one works.
class Preflight::AddressLook final : private AttemptObserver {
 public:
  AddressLook(Preflight& owner, Ways& ways, size_t server, net::Address address,
              ServerFinding& finding)
      : owner_(owner), ways_(ways), server_(server), address_(address), finding_(finding) {}

  void start() { ask(*ways_.configured, ways_.preamble); }

  void cancel() {
    if (attempt_ != nullptr) {
      attempt_->cancel();
      owner_.services_.loop.retire(std::move(attempt_));
    }
  }

 private:
  void ask(Pool& pool, const IdentityPreamble& preamble) {
    AttemptObserver& observer = *this;
    attempt_ = std::make_unique<Attempt>(owner_.services_, pool, pool.server(server_), ServerSlot(),
                                         preamble, observer, log::Level::Debug);
    attempt_->start({.address = address_, .breaker = std::make_shared<CircuitBreaker>()},
                    owner_.timeout_ms_);
  }

  void on_greeted(Attempt& attempt) override {
    greeting_ = attempt.first_bytes();
    greeting_.resize(std::min(greeting_.size(), greeting_.find_first_of("\r\n")));
    const auto fault = next_ == 0 ? find_fault(ways_.configured->config(), attempt)
                                  : std::optional(ways_.others[next_ - 1]->verdict);
    if (const auto list = attempt.preamble().capabilities(); next_ == 0 && !list.empty()) {
      attempt.server().health->note_capabilities(list);
    }
    left_.push_back(attempt.take_stream());
    say_goodbye(*left_.back());
    attempt_ended();
    if (next_ == 0 && fault) {
      evidence_ = greeting_;
    }
    conclude(fault);
  }

  void on_attempt_failed(Attempt& attempt, const Error& error) override {
    if (next_ == 0) {
      first_ = attempt.cause();
      evidence_ = attempt.evidence().empty() ? error.text() : attempt.evidence();
    }
    if (is_another_service(attempt.cause())) {  // which may have waited for our first word
      first_ = attempt.cause();
    }
    attempt_ended();
    // A server that reads the header as commands may stop answering.
    const bool by_header =
        *first_ == Cause::BackendTimedOut && sends_header(ways_.configured->config());
    if (by_header || may_be_another_way(*first_)) {
      return try_another();
    }
    conclude(first_);
  }

  void try_another() {
    if (next_ == ways_.others.size()) {
      return conclude(first_);
    }
    Way& way = *ways_.others[next_++];
    ask(*way.pool, way.preamble);
  }

  void attempt_ended() { owner_.services_.loop.retire(std::move(attempt_)); }

  void conclude(std::optional<Cause> cause) {
    finding_.cause = cause;
    finding_.evidence = evidence_;
    if (cause) {
      finding_.fix = fix_for(*cause, greeting_.empty() ? evidence_ : greeting_);
    }
    --owner_.running_;
    owner_.go_on();
  }

  Preflight& owner_;
  Ways& ways_;
  const size_t server_;
  const net::Address address_;
  ServerFinding& finding_;
  std::unique_ptr<Attempt> attempt_;
  size_t next_ = 0;             // of the other ways
  std::optional<Cause> first_;  // what is wrong on the way that is configured
  std::string evidence_;
  std::string greeting_;                            // the last one
  std::vector<std::unique_ptr<net::Stream>> left_;  // closed
};

// One server: its name, then its addresses.
class Preflight::ServerLook final : private DnsCacheObserver, private net::Deadline {
 public:
  ServerLook(Preflight& owner, Ways& ways, size_t server)
      : owner_(owner), ways_(ways), server_(server) {}

  void start() {
    DnsCacheObserver& observer = *this;
    if (server().addresses.ask(owner_.services_.loop, server().config.host, observer)) {
      found();
    } else {
      arm(owner_.services_.loop.deadlines(), owner_.timeout_ms_);
    }
  }

  void cancel() {
    disarm();
    ListNode<DnsCacheObserver>::unlink();
    for (const auto& look : looks) {
      look->cancel();
    }
  }

  std::deque<ServerFinding> findings;  // the looks refer to them
  std::vector<std::unique_ptr<AddressLook>> looks;

 private:
  void on_addresses() override {
    disarm();
    found();
  }
  void on_no_addresses(const Error& error) override {
    disarm();
    const Cause cause = cause_of_failure(error);
    findings.push_back({.backend = ways_.configured->config().name,
                        .server = server().text,
                        .address = {},
                        .cause = cause,
                        .evidence = error.text(),
                        .fix = describe(cause).fix});
    owner_.server_found(*this);
  }
  void on_deadline() override {
    ListNode<DnsCacheObserver>::unlink();
    on_no_addresses(dial_error(DialFailure::NameServerSilent, "resolving the backend's name"));
  }

  void found() {
    for (const net::Address& address : server().addresses.known()) {
      if (looks.size() == kMostAddresses) {
        break;
      }
      findings.push_back({.backend = ways_.configured->config().name,
                          .server = server().text,
                          .address = endpoint_text(server(), address),
                          .cause = Cause::BackendTimedOut,  // unless there is time to ask
                          .evidence = "no time was left to ask",
                          .fix = describe(Cause::BackendTimedOut).fix});
      looks.push_back(
          std::make_unique<AddressLook>(owner_, ways_, server_, address, findings.back()));
    }
    owner_.server_found(*this);
  }

  BackendServer& server() { return ways_.configured->server(server_); }

  Preflight& owner_;
  Ways& ways_;
  const size_t server_;
};

Preflight::Preflight(const DialerServices& services, std::vector<std::shared_ptr<Pool>> pools,
                     uint64_t timeout_ms)
    : services_(services), timeout_ms_(timeout_ms) {
  for (auto& pool : pools) {
    const size_t count = pool->config().servers.size();
    ways_.push_back(std::make_unique<Ways>(std::move(pool)));
    for (size_t i = 0; i < count; ++i) {
      servers_.push_back(std::make_unique<ServerLook>(*this, *ways_.back(), i));
    }
  }
}

Preflight::~Preflight() = default;

void Preflight::start() {
  arm(services_.loop.deadlines(), kMostMs);
  resolving_ = servers_.size();
  for (const auto& server : servers_) {
    server->start();
  }
}

void Preflight::server_found(ServerLook& server) {
  --resolving_;
  for (const auto& look : server.looks) {
    waiting_.push_back(look.get());
  }
  go_on();
}

void Preflight::go_on() {
  while (running_ < kAtOnce && !waiting_.empty()) {
    AddressLook* next = waiting_.front();
    waiting_.pop_front();
    ++running_;
    next->start();
  }
  if (running_ == 0 && resolving_ == 0) {
    disarm();
    done_ = true;
  }
}

void Preflight::on_deadline() {
  waiting_.clear();
  for (const auto& server : servers_) {
    server->cancel();
  }
  done_ = true;
}

std::vector<ServerFinding> Preflight::findings() const {
  std::vector<ServerFinding> all;
  for (const auto& server : servers_) {
    all.insert(all.end(), server->findings.begin(), server->findings.end());
  }
  return all;
}

}  // namespace postern
