#include "proxy/session/client_setup.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/admission/crowd.h"
#include "proxy/session/internal/messages.h"
#include "proxy/session/internal/session_labels.h"
#include "proxy/session/internal/stricter_clients.h"

namespace postern {

using imap::StarttlsFront;
using metrics::Label;
using metrics::LabelIndex;
using metrics::Metric;
using metrics::ScopedGauge;

namespace {

constexpr size_t kMaxUnread = 64 * kKiB;  // answers in clear that the client has not taken yet

}  // namespace

void ClientSetup::start(std::unique_ptr<net::TcpStream> client) {
  cleartext_ = std::move(client);
  cleartext_->observe(*this);
  cleartext_->start();
  if (net::contains(listener().proxies, session_.origin.address)) {
    proxy_ = std::make_unique<ProxyReader>();
    arm_at(loop().deadlines(),
           std::min(loop().now_ms() + timeouts().handshake_ms, session_.login_at_ms));
  } else {
    welcome({});
  }
}

// ---- the PROXY header: a load balancer says first whose connection it is

void ClientSetup::read_header(Bytes bytes) {
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

void ClientSetup::identified(Bytes early) {
  const ProxyHeader header = std::exchange(proxy_, nullptr)->header();
  if (header.source.valid()) {
    count_proxy_header(
        name_of(header.version == 1 ? ProxyHeaderKind::Version1 : ProxyHeaderKind::Version2));
    session_.origin.announced = std::make_unique<const ClientOrigin::Announced>(
        ClientOrigin::Announced{session_.origin.address, header.destination});
    session_.origin.address = header.source;
  } else {  // a health check of the load balancer's own, for example
    count_proxy_header(name_of(ProxyHeaderKind::Local));
  }
  const auto objection = session_.services.admission.admit_address(
      session_.permit, session_.config().limits, session_.origin.address, loop().now_ms());
  if (!objection) {
    welcome(early);
    return;
  }
  refusal_ = {*objection, *objection};
  if (listener().tls == ListenerTls::StartTls) {
    refuse(end_reason(*objection), bye_for(*objection));
  } else {
    fail(end_reason(*objection));
  }
}

// What a header means that comes where TLS or IMAP must begin.
ProxyFailure ClientSetup::unexpected_header() const {
  const bool after_another = session_.origin.announced != nullptr ||
                             net::contains(listener().proxies, session_.origin.address);
  return after_another ? ProxyFailure::Repeated : ProxyFailure::Refused;
}

void ClientSetup::header_failed(ProxyFailure failure) {
  const Error error = proxy_error(failure);
  count_proxy_header(error.label());
  switch (failure) {
    case ProxyFailure::Missing:
      fail(EndReason::ProxyHeaderMissing, error);
      return;
    case ProxyFailure::Refused:
    case ProxyFailure::Repeated:
      fail(EndReason::ProxyHeaderRefused, error);
      return;
    case ProxyFailure::Timeout:
      fail(EndReason::ProxyHeaderTimeout, error);
      return;
    default:
      fail(EndReason::ProxyHeaderInvalid, error);
      return;
  }
}

// `early` came with the header, and is the client's.
void ClientSetup::welcome(Bytes early) {
  if (listener().tls == ListenerTls::Implicit) {
    await_hello(early);
    return;
  }
  if (draining_) {
    refuse(EndReason::Drained, kStopping);
    return;
  }
  greet();
  if (!early.empty()) {
    converse(early);
  }
}

// ---- in clear, on 143

void ClientSetup::greet() {
  step_ = Step::Cleartext;
  arm_at(loop().deadlines(), session_.login_at_ms);
  front_ = std::make_unique<StarttlsFront>(commands_before_login());
  cleartext_->write(as_bytes(StarttlsFront::greeting()));
}

void ClientSetup::converse(Bytes bytes) {
  heard_ = true;
  size_t taken = 0;
  std::string reply;
  const unsigned refused_before = front_->refused_logins();
  const StarttlsFront::Step step = front_->feed(bytes, taken, reply);
  counters().add<Metric::CleartextLoginsRefused>(front_->refused_logins() - refused_before);
  const size_t queued = cleartext_->write(as_bytes(reply));
  switch (step) {
    case StarttlsFront::Step::More:
      if (queued > kMaxUnread) {  // it asks and never reads the answers
        fail(EndReason::ClientViolation);
      }
      return;
    case StarttlsFront::Step::StartTls:
      await_hello(bytes.subspan(taken));
      return;
    case StarttlsFront::Step::Logout:
      refuse(EndReason::ClientLogout, {});
      return;
    case StarttlsFront::Step::ProxyHeader:
      header_failed(unexpected_header());
      return;
    case StarttlsFront::Step::Failed:
      refuse(EndReason::ClientViolation, {}, front_->error());
      return;
  }
}

// ---- TLS

// A connection that says nothing costs a socket and a deadline: neither a place among the
// handshakes nor memory for one.
void ClientSetup::await_hello(Bytes early) {
  step_ = Step::Handshake;
  arm_at(loop().deadlines(),
         std::min(loop().now_ms() + timeouts().handshake_ms, session_.login_at_ms));
  if (!early.empty()) {
    handshake(early);
  }
}

void ClientSetup::handshake(Bytes first) {
  heard_ = true;
  if (!acquire_handshake()) {
    fail(EndReason::LimitHandshakes);
    return;
  }
  session_.services.sessions.handshakes.push_back(*this);
  in_handshake_ = ScopedGauge(counters().cell<Metric::HandshakesInFlight>());
  started_us_ = net::Loop::now_us();
  tls_ = TlsStream::server(loop(), std::move(cleartext_),
                           *session_.snapshot->contexts[session_.listener],
                           session_.services.dial.workspace, first, /*greets=*/front_ == nullptr);
  tls_->observe(*this);
  tls_->guard(*this);
  tls_->wipe_what_was_read(true);
}

// While this runs nothing is computed for another one of this worker: each waits for its client.
bool ClientSetup::acquire_handshake() {
  Admission& admission = session_.services.admission;
  auto admitted = admission.admit_handshake(session_.permit, session_.config().limits);
  const auto* refusal = std::get_if<Refusal>(&admitted);
  if (refusal != nullptr && *refusal == Refusal::LimitHandshakes) {
    Crowd<ClientSetup> crowd;
    crowd.look_at(session_.services.sessions.handshakes);
    if (ClientSetup* oldest = crowd.oldest_of_largest()) {
      oldest->give_way();
      admitted = admission.admit_handshake(session_.permit, session_.config().limits);
    }
  }
  if (auto* permit = std::get_if<Admission::HandshakePermit>(&admitted)) {
    handshake_permit_ = std::move(*permit);
    return true;
  }
  const Refusal limit = std::get<Refusal>(admitted);
  refusal_ = {limit, limit};
  return false;
}

bool ClientSetup::may_take() {
  return session_.services.handshakes.ask(*this, session_.origin.address);
}

void ClientSetup::on_turn() {
  tls_->take_turn();
}

void ClientSetup::on_open() {
  if (tls_ == nullptr) {  // the connection, which was open before
    return;
  }
  const tls::Handshake handshake = tls_->engine().handshake();
  counters().count<Metric::Handshakes>(handshake.version,
                                       LabelIndex<Label::Cipher>{handshake.cipher},
                                       LabelIndex<Label::Group>{handshake.group},
                                       LabelIndex<Label::Resumed>{handshake.resumed ? 1u : 0u});
  counters().observe<Metric::HandshakeDuration>(net::Loop::now_us() - started_us_);
  count_shadow_refusal();
  note_stricter_tls(session_, handshake, tls_->engine());
  leave_queue();
  const uint32_t commands_left =
      front_ != nullptr ? front_->commands_left() : commands_before_login();
  observer_.on_client_ready({.stream = std::move(tls_),
                             .handshake = handshake,
                             .greeted = front_ != nullptr,
                             .commands_left = commands_left});
}

void ClientSetup::handshake_failed(const Error& error) {
  if (error == tls::tls_error(tls::Failure::ProxyHeader, "")) {
    count_handshake_failure(error.label());
    header_failed(unexpected_header());
    return;
  }
  const bool of_tls = error.domain == &tls::kTlsDomain;
  count_handshake_failure(of_tls ? error.label() : name_of(HandshakeLoss::ConnectionLost));
  fail(EndReason::HandshakeFailed, error);
}

// ---- the client's stream

void ClientSetup::on_bytes(Bytes bytes) {
  switch (step_) {
    case Step::ProxyHeader:
      read_header(bytes);
      return;
    case Step::Cleartext:
      converse(bytes);
      return;
    case Step::Handshake:
      handshake(bytes);
      return;
    case Step::Done:
      return;
  }
}

void ClientSetup::on_end() {
  if (step_ == Step::ProxyHeader && proxy_->begun()) {
    header_failed(ProxyFailure::Truncated);
  } else {
    fail(EndReason::ClientClosed);
  }
}

void ClientSetup::on_failure(const Error& error) {
  if (tls_ != nullptr) {
    handshake_failed(error);
  } else if (step_ == Step::ProxyHeader && proxy_->begun()) {
    header_failed(ProxyFailure::Truncated);
  } else {
    fail(EndReason::ClientFailed, error);
  }
}

void ClientSetup::on_deadline() {
  switch (step_) {
    case Step::ProxyHeader:
      header_failed(ProxyFailure::Timeout);
      return;
    case Step::Cleartext:
      refuse(EndReason::LoginTimeout, kLoginTimeout);
      return;
    case Step::Handshake:
      count_handshake_failure(name_of(HandshakeLoss::Timeout));
      fail(EndReason::HandshakeTimeout);
      return;
    case Step::Done:
      return;
  }
}

// ---- the end

void ClientSetup::drain() {
  draining_ = true;
  if (step_ == Step::Cleartext) {
    refuse(EndReason::Drained, kStopping);
  }
}

void ClientSetup::cancel() {
  leave_queue();
  if (tls_ != nullptr) {
    tls_->abort();
  } else if (cleartext_ != nullptr) {
    cleartext_->abort();
  }
}

void ClientSetup::give_way() {
  refusal_ = {Refusal::GaveWay, Refusal::LimitHandshakes};
  fail(EndReason::GaveWay);
}

void ClientSetup::leave_queue() {
  step_ = Step::Done;
  disarm();
  ListNode<ClientSetup>::unlink();
  HandshakeQueue::Member::unlink();
  handshake_permit_.release();
  in_handshake_.release();
}

void ClientSetup::fail(EndReason reason, const Error& error) {
  finish({.stream = nullptr, .reason = reason, .error = error});
}

void ClientSetup::refuse(EndReason reason, std::string_view last_words, const Error& error) {
  finish({.stream = nullptr,
          .reason = reason,
          .hears = true,
          .last_words = last_words,
          .error = error});
}

void ClientSetup::finish(FailedClient failed) {
  leave_queue();
  if (tls_ != nullptr) {
    failed.tls = tls_.get();
    failed.stream = std::move(tls_);
  } else {
    failed.stream = std::move(cleartext_);
  }
  failed.refusal = refusal_;
  failed.silent = !heard_;
  observer_.on_client_failed(std::move(failed));
}

// ---- counting

// A probe's header is none to alert about, nor is its handshake.
void ClientSetup::count_proxy_header(const char* label) {
  if (session_.from_probes()) {
    return;
  }
  counters().count<Metric::ProxyHeaders>(ListenerLabel{session_.listener},
                                         session_.labels().index_of<Label::ProxyHeader>(label));
}

void ClientSetup::count_handshake_failure(const char* label) {
  if (session_.from_probes()) {
    return;
  }
  counters().count<Metric::HandshakeFailures>(ListenerLabel{session_.listener},
                                              session_.labels().index_of<Label::TlsFailure>(label));
  count_shadow_refusal();
}

void ClientSetup::count_shadow_refusal() {
  if (tls_ == nullptr) {
    return;  // the client has sent nothing
  }
  if (const auto refusal = tls_->engine().hello().shadow_refusal) {
    counters().count<Metric::ShadowRefusals>(
        session_.labels().index_of<Label::ShadowReason>(name_of(*refusal)));
  }
}

}  // namespace postern
