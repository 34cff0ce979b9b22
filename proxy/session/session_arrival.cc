// How a session comes in: from accept to the end of the TLS handshake, in the order of life.
#include <algorithm>
#include <utility>
#include <variant>

#include "proxy/backend/label_values.h"
#include "proxy/base/check.h"
#include "proxy/session/messages.h"
#include "proxy/session/session.h"

namespace postern {

using imap::StarttlsFront;
using metrics::Label;
using metrics::LabelIndex;
using metrics::Metric;
using metrics::ScopedGauge;

// ---- coming in

void Session::begin(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                    size_t listener, std::unique_ptr<net::TcpStream> client,
                    IntrusiveList<Session>& sessions) {
  const ListenerConfig& from = snapshot->config->listeners[listener];
  const net::Address peer = client->remote();
  const bool by_proxy = net::contains(from.proxies, peer);
  auto admitted = services.admission.admit_session(*snapshot->config, listener);
  const Refusal* refusal = std::get_if<Refusal>(&admitted);
  if (refusal != nullptr) {
    refuse(services, from, listener, *refusal, std::move(client));
    return;
  }
  auto& permit = std::get<Admission::SessionPermit>(admitted);
  std::optional<Refusal> objection;
  if (!by_proxy) {
    objection = services.admission.admit_address(permit, snapshot->config->limits, peer,
                                                 services.dial.loop.now_ms());
  }
  if (objection.has_value()) {
    refuse(services, from, listener, *objection, std::move(client));
    return;
  }
  auto* session = new Session(services, std::move(snapshot), listener, std::move(client),
                              std::move(permit), peer);
  sessions.push_back(*session);
  session->cleartext_->observe(*session);
  session->cleartext_->start();
  if (by_proxy) {
    session->identify();
  } else {
    session->welcome({});
  }
}

Session::Session(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                 size_t listener, std::unique_ptr<net::TcpStream> client,
                 Admission::SessionPermit permit, const net::Address& address)
    : services_(services),
      snapshot_(std::move(snapshot)),
      permit_(std::move(permit)),
      active_(services.dial.counters.cell<Metric::SessionsActive>(ListenerLabel{listener})),
      cleartext_(std::move(client)),
      address_(address),
      listener_(static_cast<uint32_t>(listener)),
      accepted_us_(net::Loop::now_us()),
      accepted_ms_(services.dial.loop.now_ms()) {}

Session::~Session() {
  check(state_ == State::Closed, "a session is closed before it is deleted");
  wipe(early_);
}

// ---- Identifying: a load balancer says first whom it brings

void Session::identify() {
  enter(State::Identifying);
  const Timeouts& timeouts = snapshot_->config->timeouts;
  arm_until(accepted_ms_ + std::min(timeouts.handshake_ms, timeouts.login_ms));
  proxy_ = std::make_unique<ProxyReader>();
}

void Session::read_header(Bytes bytes) {
  size_t taken = 0;
  switch (proxy_->feed(bytes, taken)) {
    case ProxyReader::Step::More:
      return;
    case ProxyReader::Step::Failed:
      header_failed(static_cast<ProxyFailure>(proxy_->error().code));
      return;
    case ProxyReader::Step::Done:
      identified(bytes.subspan(taken));
      return;
  }
}

void Session::identified(Bytes early) {
  const ProxyHeader header = std::exchange(proxy_, nullptr)->header();
  if (header.source.valid()) {
    count_proxy_header(header.version == 1 ? "v1" : "v2");
    announced_ = std::make_unique<const Announced>(Announced{address_, header.destination});
    address_ = header.source;
  } else {  // a health check of the load balancer's own, say
    count_proxy_header("local");
  }
  refusal_ = services_.admission.admit_address(permit_, snapshot_->config->limits, address_,
                                               loop().now_ms());
  if (!refusal_) {
    welcome(early);
  } else if (listener().tls == ListenerTls::StartTls) {
    start_closing(end_reason(*refusal_), bye_for(*refusal_));
  } else {
    close(end_reason(*refusal_));
  }
}

// What it means that a header comes where TLS or IMAP should begin.
ProxyFailure Session::unexpected_header() const {
  const bool after_another = announced_ != nullptr || net::contains(listener().proxies, address_);
  return after_another ? ProxyFailure::Repeated : ProxyFailure::Refused;
}

void Session::header_failed(ProxyFailure failure) {
  error_ = proxy_error(failure);
  count_proxy_header(error_.label());
  switch (failure) {
    case ProxyFailure::Missing:
      close(EndReason::ProxyHeaderMissing);
      return;
    case ProxyFailure::Refused:
    case ProxyFailure::Repeated:
      close(EndReason::ProxyHeaderRefused);
      return;
    case ProxyFailure::Timeout:
      close(EndReason::ProxyHeaderTimeout);
      return;
    default:
      close(EndReason::ProxyHeaderInvalid);
      return;
  }
}

// `early` came with the header: it is the client's.
void Session::welcome(Bytes early) {
  if (listener().tls == ListenerTls::Implicit) {
    await_hello(early);
    return;
  }
  if (draining_) {
    start_closing(EndReason::Drained, kStopping);
    return;
  }
  greet();
  if (!early.empty()) {
    converse(early);
  }
}

// ---- Greeting: in clear on 143

void Session::greet() {
  enter(State::Greeting);
  arm_until(accepted_ms_ + snapshot_->config->timeouts.login_ms);
  front_ = std::make_unique<StarttlsFront>();
  cleartext_->write(as_bytes(StarttlsFront::greeting()));
}

void Session::converse(Bytes bytes) {
  size_t taken = 0;
  std::string reply;
  const unsigned refused_before = front_->refused_logins();
  const StarttlsFront::Step step = front_->feed(bytes, taken, reply);
  counters().add<Metric::CleartextLoginsRefused>(front_->refused_logins() - refused_before);
  const size_t queued = cleartext_->write(as_bytes(reply));
  switch (step) {
    case StarttlsFront::Step::More:
      if (queued > kMaxEarly) {  // it asks and never reads the answers
        close(EndReason::ClientViolation);
      }
      return;
    case StarttlsFront::Step::StartTls:
      await_hello(bytes.subspan(taken));
      return;
    case StarttlsFront::Step::Logout:
      start_closing(EndReason::ClientLogout, {});
      return;
    case StarttlsFront::Step::ProxyHeader:
      header_failed(unexpected_header());
      return;
    case StarttlsFront::Step::Failed:
      error_ = front_->error();
      start_closing(EndReason::ClientViolation, {});
      return;
  }
}

// ---- Handshaking

// A connection that says nothing costs a socket and a deadline: neither a place among the
// handshakes nor memory for one.
void Session::await_hello(Bytes early) {
  enter(State::Handshaking);
  const Timeouts& timeouts = snapshot_->config->timeouts;
  arm_until(std::min(loop().now_ms() + timeouts.handshake_ms, accepted_ms_ + timeouts.login_ms));
  if (!early.empty()) {
    handshake(early);
  }
}

void Session::handshake(Bytes first) {
  auto permit = services_.admission.admit_handshake(permit_, snapshot_->config->limits);
  if (!permit) {
    close(EndReason::LimitHandshakes);
    return;
  }
  handshake_permit_ = std::move(*permit);
  in_handshake_ = ScopedGauge(counters().cell<Metric::HandshakesInFlight>());
  phase_started_us_ = net::Loop::now_us();
  client_ = TlsStream::server(loop(), std::move(cleartext_), *snapshot_->listeners[listener_],
                              services_.dial.workspace, first, /*greets=*/front_ == nullptr);
  client_->observe(*this);
  client_->wipe_what_was_read(true);
}

void Session::handshake_failed(const Error& error) {
  error_ = error;
  if (error == tls::tls_error(tls::Failure::ProxyHeader, "")) {
    count_handshake_failure(error.label());
    header_failed(unexpected_header());
    return;
  }
  const bool of_tls = error.domain == &tls::kTlsDomain;
  count_handshake_failure(of_tls ? error.label() : "connection_lost");
  close(EndReason::HandshakeFailed);
}

void Session::secured() {
  handshake_ = client_->engine().handshake();
  counters().count<Metric::Handshakes>(handshake_->version,
                                       LabelIndex<Label::Cipher>{handshake_->cipher},
                                       LabelIndex<Label::Group>{handshake_->group},
                                       LabelIndex<Label::Resumed>{handshake_->resumed ? 1u : 0u});
  counters().observe<Metric::HandshakeDuration>(net::Loop::now_us() - phase_started_us_);
  count_shadow_refusal();
  handshake_permit_.release();
  in_handshake_.release();
  if (draining_) {
    start_closing(EndReason::Drained, kStopping);
    return;
  }
  arm_until(accepted_ms_ + snapshot_->config->timeouts.login_ms);
  connect();
}

}  // namespace postern
