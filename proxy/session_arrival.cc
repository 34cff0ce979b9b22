// How a session comes in: from accept to the end of the TLS handshake, in the order of life.
#include <algorithm>
#include <utility>
#include <variant>

#include "proxy/base/check.h"
#include "proxy/labels.h"
#include "proxy/session.h"
#include "proxy/session_words.h"

namespace postern {

using imap::FrontDialogue;
using metrics::GaugeHold;
using metrics::Metric;

// ---- coming in

void Session::begin(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                    size_t listener, std::unique_ptr<net::TcpStream> client,
                    IntrusiveList<Session>& sessions) {
  const ListenerConfig& from = snapshot->config->listeners[listener];
  const net::Address address = client->remote();
  auto admitted = services.admission.admit_session(*snapshot->config, listener);
  const EndReason* refusal = std::get_if<EndReason>(&admitted);
  if (refusal != nullptr) {
    refuse(services, from, listener, *refusal, std::move(client));
    return;
  }
  auto& permit = std::get<Admission::SessionPermit>(admitted);
  const auto objection = services.admission.admit_address(permit, snapshot->config->limits, address,
                                                          services.dial.loop.now_ms());
  if (objection.has_value()) {
    refuse(services, from, listener, *objection, std::move(client));
    return;
  }
  auto* session = new Session(services, std::move(snapshot), listener, std::move(client),
                              std::move(permit), address);
  sessions.push_back(*session);
  if (from.tls == ListenerTls::StartTls) {
    session->greet();
  } else {
    session->handshake({});
  }
}

Session::Session(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                 size_t listener, std::unique_ptr<net::TcpStream> client,
                 Admission::SessionPermit permit, const net::Address& address)
    : services_(services),
      snapshot_(std::move(snapshot)),
      permit_(std::move(permit)),
      active_(services.dial.counters.cell(Metric::SessionsActive, {listener})),
      cleartext_(std::move(client)),
      address_(address),
      listener_(static_cast<uint32_t>(listener)),
      accepted_us_(net::Loop::now_us()),
      accepted_ms_(services.dial.loop.now_ms()) {}

Session::~Session() {
  check(state_ == State::Closed, "a session is closed before it is deleted");
}

// ---- Greeting: in clear on 143

void Session::greet() {
  enter(State::Greeting);
  arm_until(accepted_ms_ + snapshot_->config->timeouts.login_ms);
  front_ = std::make_unique<FrontDialogue>();
  cleartext_->observe(*this);
  cleartext_->start();
  cleartext_->write(as_bytes(FrontDialogue::greeting()));
}

void Session::converse(Bytes bytes) {
  size_t taken = 0;
  std::string reply;
  const unsigned refused_before = front_->refused_logins();
  const FrontDialogue::Step step = front_->feed(bytes, taken, reply);
  counters().count(Metric::CleartextLoginsRefused, {}, front_->refused_logins() - refused_before);
  const size_t queued = cleartext_->write(as_bytes(reply));
  switch (step) {
    case FrontDialogue::Step::More:
      if (queued > kMaxEarly) {  // it asks and never reads the answers
        close(EndReason::ClientViolation);
      }
      return;
    case FrontDialogue::Step::StartTls:
      handshake(bytes.subspan(taken));
      return;
    case FrontDialogue::Step::Logout:
      part(EndReason::ClientLogout, {});
      return;
    case FrontDialogue::Step::Failed:
      error_ = front_->error();
      part(EndReason::ClientViolation, {});
      return;
  }
}

// ---- Handshaking

void Session::handshake(Bytes early) {
  enter(State::Handshaking);
  auto permit = services_.admission.admit_handshake(snapshot_->config->limits);
  if (!permit) {
    close(EndReason::LimitHandshakes);
    return;
  }
  handshake_permit_ = std::move(*permit);
  in_handshake_ = GaugeHold(counters().cell(Metric::HandshakesInFlight));
  phase_started_us_ = net::Loop::now_us();
  const Timeouts& timeouts = snapshot_->config->timeouts;
  arm_until(std::min(loop().now_ms() + timeouts.handshake_ms, accepted_ms_ + timeouts.login_ms));
  net::TcpStream& transport = *cleartext_;
  client_ = TlsStream::server(loop(), std::move(cleartext_), *snapshot_->listeners[listener_],
                              services_.dial.workspace, early, /*greets=*/front_ == nullptr);
  client_->observe(*this);
  if (front_ == nullptr) {
    transport.start();
  }
}

void Session::handshake_failed(const Error& error) {
  error_ = error;
  if (!client_->heard()) {  // a port check of a load balancer, not a failed handshake
    close(EndReason::ClientClosed);
    return;
  }
  const bool of_tls = error.domain == &tls::kTlsDomain;
  count_handshake_failure(of_tls ? error.label() : "connection_lost");
  close(EndReason::HandshakeFailed);
}

void Session::secured() {
  handshake_ = client_->engine().handshake();
  counters().count(Metric::Handshakes,
                   {static_cast<size_t>(handshake_->version), handshake_->cipher, handshake_->group,
                    handshake_->resumed ? 1u : 0u});
  counters().observe(Metric::HandshakeDuration, net::Loop::now_us() - phase_started_us_);
  count_shadow_refusal();
  handshake_permit_.release();
  in_handshake_.release();
  if (draining_) {
    part(EndReason::Drained, kStopping);
    return;
  }
  arm_until(accepted_ms_ + snapshot_->config->timeouts.login_ms);
  connect();
}

}  // namespace postern
