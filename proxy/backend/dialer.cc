#include "proxy/backend/dialer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/backend/dial_failure.h"
#include "proxy/backend/label_values.h"
#include "proxy/log/log.h"
#include "proxy/net/failure.h"

namespace postern {

using imap::BackendPreamble;
using metrics::Label;
using metrics::LabelIndex;
using metrics::Metric;

namespace {

constexpr char kGreeting[] = "waiting for the backend's greeting";
// How long a dialer with stale addresses waits for the resolver.
constexpr uint64_t kResolverMs = 1'000;

}  // namespace

Dialer::Dialer(const DialerServices& services, Pool& pool, const net::Address& client,
               IdentityPreamble identity, uint64_t timeout_ms, DialerObserver& observer)
    : services_(services),
      pool_(pool),
      identity_(std::move(identity)),
      observer_(observer),
      give_up_ms_(services.loop.now_ms() + timeout_ms),
      started_us_(net::Loop::now_us()),
      order_(pool.order(client, services.loop.now_ms())) {}

Dialer::~Dialer() = default;

void Dialer::start() {
  try_server();
}

void Dialer::cancel() {
  done_ = true;
  disarm();
  ListNode<DnsCacheObserver>::unlink();
  drop_stream();
}

// ---- one server

void Dialer::try_server() {
  const size_t servers_left = order_.size() - server_index_;
  const uint64_t share_ms = time_left_ms() / servers_left;
  server_give_up_ms_ = services_.loop.now_ms() + share_ms;
  address_index_ = 0;
  generation_ = server().addresses.generation();
  if (server().addresses.ask(services_.loop, server().host, *this)) {
    try_address();
    return;
  }
  during_ = "resolving the backend's name";
  const bool has_former = !server().addresses.known().empty();
  arm(services_.loop.deadlines(), has_former ? std::min(share_ms / 2, kResolverMs) : share_ms);
}

void Dialer::try_address() {
  const std::vector<net::Address>& addresses = server().addresses.known();
  generation_ = server().addresses.generation();
  const uint64_t now = services_.loop.now_ms();
  const uint64_t left = server_give_up_ms_ > now ? server_give_up_ms_ - now : 0;
  arm(services_.loop.deadlines(), left / (addresses.size() - address_index_));
  during_ = "connecting to the backend";
  plain_ = net::TcpStream::make(services_.loop);
  plain_->observe(*this);
  // A server that expects a PROXY header sends its greeting only after it.
  const bool speaks_first =
      pool_.config().tls != BackendTls::Implicit && identity_.proxy_header.empty();
  plain_->connect(
      addresses[address_index_], net::kLongLived,
      speaks_first ? net::TcpStream::OpenOn::FirstBytes : net::TcpStream::OpenOn::Connected);
  if (!identity_.proxy_header.empty()) {
    plain_->write(as_bytes(identity_.proxy_header));  // in one piece, once it is connected
  }
}

// ---- one attempt

void Dialer::on_open() {
  if (tls_ != nullptr) {
    note_handshake();
    if (preamble_.has_value()) {  // STARTTLS is done
      take_step(preamble_->secured());
      return;
    }
    preamble_.emplace(BackendPreamble::Hop::AsIs, identity_.id_command);
  } else if (pool_.config().tls == BackendTls::Implicit) {
    secure();
    return;
  } else {
    preamble_.emplace(pool_.config().tls == BackendTls::StartTls ? BackendPreamble::Hop::StartTls
                                                                 : BackendPreamble::Hop::AsIs,
                      identity_.id_command);
  }
  during_ = kGreeting;
}

void Dialer::on_bytes(Bytes bytes) {
  // No bytes are left over at a StartTls step: BackendPreamble calls them an injection.
  take_step(preamble_->feed(bytes));
}

void Dialer::take_step(BackendPreamble::Step step) {
  switch (step) {
    case BackendPreamble::Step::More:
      return;
    case BackendPreamble::Step::Send: {
      during_ = "talking to the backend before the session";
      net::Stream& stream = tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
      stream.write(as_bytes(preamble_->to_send()));
      return;
    }
    case BackendPreamble::Step::StartTls:
      secure();
      return;
    case BackendPreamble::Step::Ready:
      succeed();
      return;
    case BackendPreamble::Step::Failed:
      attempt_failed(preamble_->error());
      return;
  }
}

void Dialer::secure() {
  during_ = "the backend's TLS handshake";
  const std::string& configured = pool_.config().verify.name;
  tls_ = TlsStream::client(services_.loop, std::move(plain_), *pool_.context(), services_.workspace,
                           configured.empty() ? server().host.host : configured);
  tls_->observe(*this);
}

void Dialer::note_handshake() {
  const tls::Handshake handshake = tls_->engine().handshake();
  services_.counters.count<Metric::BackendHandshakes>(
      BackendLabel{pool_.label()}, handshake.version, LabelIndex<Label::Cipher>{handshake.cipher});
  const tls::Engine::Lifetime lifetime = tls_->engine().peer_lifetime();
  services_.facts.certificate_not_before[server().label].store(lifetime.not_before,
                                                               std::memory_order_relaxed);
  services_.facts.certificate_not_after[server().label].store(lifetime.not_after,
                                                              std::memory_order_relaxed);
}

// Mail flows without it, so the log says it once for each server; after that it is only counted.
void Dialer::note_refusal_of_identity() {
  services_.counters.count<Metric::BackendIdentityRefusals>(ServerLabel{server().label});
  if (!std::exchange(server().refused_identity, true)) {
    log::warn("backend does not take the client's address by ID",
              {{"backend", pool_.config().name}, {"server", server().text}});
  }
}

void Dialer::on_end() {
  attempt_failed(net::closed_error(during_));
}

void Dialer::on_failure(const Error& error) {
  attempt_failed(error);
}

void Dialer::on_deadline() {
  if (ListNode<DnsCacheObserver>::linked() &&
      server().addresses.serve_stale(services_.loop.now_ms())) {
    ListNode<DnsCacheObserver>::unlink();
    try_address();
    return;
  }
  if (plain_ != nullptr && !preamble_.has_value() && plain_->connected()) {
    during_ = kGreeting;
  }
  attempt_failed(during_ == kGreeting ? dial_error(DialFailure::GreetingTimeout, during_)
                                      : net::net_error(-ETIMEDOUT, during_));
}

// ---- the end of an attempt

void Dialer::succeed() {
  done_ = true;
  disarm();
  server().ejected_until_ms = 0;
  if (preamble_->id_refused()) {
    note_refusal_of_identity();
  }
  services_.counters.count<Metric::BackendConnects>(ServerLabel{server().label}, kConnectSuccess);
  services_.counters.observe<Metric::BackendConnectDuration>(net::Loop::now_us() - started_us_,
                                                             BackendLabel{pool_.label()});
  DialResult result{.stream = nullptr,
                    .first_bytes = preamble_->first_bytes(),
                    .slot = ServerSlot(server(), services_.counters)};
  if (tls_ != nullptr) {
    result.stream = std::move(tls_);
  } else {
    result.stream = std::move(plain_);
  }
  observer_.on_connected(std::move(result));
}

void Dialer::attempt_failed(Error error) {
  if (done_) {
    return;
  }
  disarm();
  ListNode<DnsCacheObserver>::unlink();
  report_failure(error);
  drop_stream();
  services_.counters.count<Metric::BackendConnects>(
      ServerLabel{server().label}, services_.labels.index_of<Label::ConnectResult>(error.label()));
  // The resolver may have answered while a stale address was tried.
  const bool are_others = server().addresses.generation() != generation_;
  address_index_ = are_others ? 0 : address_index_ + 1;
  if (address_index_ < server().addresses.known().size() && time_left_ms() > 0) {
    try_address();
    return;
  }
  // Untried addresses, or a shortage of our own, say nothing about the server.
  if (!are_others && !net::is_shortage(error)) {
    server().ejected_until_ms = services_.loop.now_ms() + Pool::kEjectionMs;
    server().addresses.expire();
  }
  if (++server_index_ < order_.size() && time_left_ms() > 0) {
    try_server();
    return;
  }
  done_ = true;
  observer_.on_dial_failed(error);
}

void Dialer::report_failure(const Error& error) {
  const bool by_words =
      preamble_.has_value() && (error.domain == &imap::kImapDomain || error.domain == &kDialDomain);
  const bool by_tls = tls_ != nullptr && error.domain == &tls::kTlsDomain;
  const auto alert = by_tls ? tls_->engine().alert() : std::nullopt;
  log::warn("backend failed",
            {{"backend", pool_.config().name},
             {"server", server().text},
             {"reason", error.label()},
             {"error", error},
             log::Field::optional("detail", by_tls ? tls_->engine().reason() : ""),
             log::Field::optional("finding", by_tls ? tls_->engine().finding() : ""),
             log::Field::optional("alert", alert ? tls::alert_name(alert->code) : ""),
             log::Field::optional("alert_from", !alert        ? ""
                                                : alert->ours ? "postern"
                                                              : "server"),
             log::Field::optional("protocol", by_words ? preamble_->protocol() : ""),
             log::Field::optional("said", by_words ? std::string(preamble_->said()) : ""),
             log::Field::optional("advice", advice(error))});
}

const char* Dialer::advice(const Error& error) const {
  if (error.domain != &kDialDomain) {
    return "";
  }
  if (pool_.config().tls == BackendTls::Implicit || !identity_.proxy_header.empty()) {
    return "the server is slow: raise `timeouts.connect`, or look at the server";
  }
  return "a server that waits for the client speaks TLS first (`tls: implicit`), wants a PROXY "
         "header (`client_identity`) or no IMAP; a slow one needs a longer `timeouts.connect`";
}

void Dialer::drop_stream() {
  preamble_.reset();
  if (tls_ != nullptr) {
    tls_->abort();
    services_.loop.retire(std::move(tls_));
  }
  if (plain_ != nullptr) {
    plain_->abort();
    services_.loop.retire(std::move(plain_));
  }
}

uint64_t Dialer::time_left_ms() const {
  const uint64_t now = services_.loop.now_ms();
  return give_up_ms_ > now ? give_up_ms_ - now : 0;
}

}  // namespace postern
