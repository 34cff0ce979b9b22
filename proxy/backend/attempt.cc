#include "proxy/backend/attempt.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "proxy/backend/backend_labels.h"
#include "proxy/backend/dial_failure.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/net/failure.h"
#include "proxy/net/local_address.h"

namespace postern {

using imap::BackendPreamble;
using metrics::Label;
using metrics::LabelIndex;
using metrics::Metric;

namespace {

constexpr char kGreeting[] = "waiting for the backend's greeting";
// A server that waits so long before it hangs up has waited for something.
constexpr uint64_t kPatienceMs = 1'000;
// A client that hangs up earlier says nothing about the server.
constexpr uint64_t kSilentMs = 1'000;

// A server that is silent until so late waits for its client to begin, as one of TLS, of HTTP or of
// PROXY headers does: a ClientHello brings out which. It takes no time from shorter attempts.
constexpr uint64_t kKnockMs = 250;
constexpr uint64_t kLeastToKnockMs = 1'000;
// Of TLS 1.2 and 1.3, such as any server takes, so that its answer begins a record. The lines:
// record, message and version; random; suites without a session; groups without compression;
// points and signatures; versions and a share of X25519, for which any octets will do.
constexpr std::string_view kKnock(
    "\x16\x03\x01\x00\x88\x01\x00\x00\x84\x03\x03"
    "postern asks: do you speak TLS? "
    "\x00\x00\x0c\x13\x01\x13\x02\xc0\x2b\xc0\x2f\x00\x9c\x00\x2f"
    "\x01\x00\x00\x4f\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17"
    "\x00\x0b\x00\x02\x01\x00\x00\x0d\x00\x08\x00\x06\x04\x03\x08\x04\x04\x01"
    "\x00\x2b\x00\x05\x04\x03\x04\x03\x03\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20"
    "postern asks: do you speak TLS? ",
    141);

// What a server of TLS says to bytes that are none.
bool is_about_no_tls(std::string_view alert) {
  constexpr std::array<std::string_view, 4> kAlerts = {"unexpected_message", "record_overflow",
                                                       "decode_error", "protocol_version"};
  return std::ranges::find(kAlerts, alert) != kAlerts.end();
}

bool is_closed(const Error& error) {
  if (error.domain == &tls::kTlsDomain) {
    return error.code == static_cast<int32_t>(tls::Failure::Truncated);
  }
  return error.domain == &net::kNetDomain &&
         (error.code == net::closed_error("").code || error.code == -ECONNRESET);
}

}  // namespace

Attempt::Attempt(const DialerServices& services, Pool& pool, BackendServer& server, ServerSlot slot,
                 const IdentityPreamble& identity, AttemptObserver& observer, log::Level failures)
    : services_(services),
      pool_(pool),
      server_(server),
      slot_(std::move(slot)),
      identity_(identity),
      observer_(observer),
      failures_(failures) {}

Attempt::~Attempt() = default;

void Attempt::start(const Endpoint& endpoint, uint64_t timeout_ms) {
  endpoint_ = endpoint;
  generation_ = server_.addresses.generation();
  started_us_ = net::Loop::now_us();
  const bool may_knock = pool_.config().tls != BackendTls::Implicit &&
                         identity_.proxy_header.empty() && timeout_ms >= kLeastToKnockMs;
  knock_ms_ = may_knock ? kKnockMs : 0;
  arm(services_.loop.deadlines(), timeout_ms - knock_ms_);
  sources_left_ = pool_.sources(address());
  connect();
}

void Attempt::connect() {
  during_ = "connecting to the backend";
  net::TcpOptions options = net::kLongLived;
  if (sources_left_ > 0) {
    --sources_left_;
    options.source = source_ = pool_.next_source(address());
  }
  plain_ = net::TcpStream::make(services_.loop);
  plain_->observe(*this);
  // A server that expects a PROXY header sends its greeting only after it.
  const bool speaks_first =
      pool_.config().tls != BackendTls::Implicit && identity_.proxy_header.empty();
  plain_->connect(
      address(), options,
      speaks_first ? net::TcpStream::OpenOn::FirstBytes : net::TcpStream::OpenOn::Connected);
  if (!identity_.proxy_header.empty()) {
    plain_->write(as_bytes(identity_.proxy_header));  // in one piece, once it is connected
  }
}

void Attempt::cancel() {
  disarm();
  slot_ = ServerSlot();  // the next attempt may need it
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

void Attempt::on_open() {
  if (tls_ != nullptr) {
    note_handshake();
    if (preamble_.has_value()) {  // STARTTLS is done
      take_step(preamble_->secured());
      return;
    }
    preamble_.emplace(BackendPreamble::Hop::AsIs, identity_.id_command, before());
  } else if (pool_.config().tls == BackendTls::Implicit) {
    secure();
    return;
  } else {
    preamble_.emplace(pool_.config().tls == BackendTls::StartTls ? BackendPreamble::Hop::StartTls
                                                                 : BackendPreamble::Hop::AsIs,
                      identity_.id_command, before());
  }
  during_ = kGreeting;
}

BackendPreamble::Before Attempt::before() const {
  return identity_.proxy_header.empty() ? BackendPreamble::Before::Nothing
                                        : BackendPreamble::Before::ProxyHeader;
}

void Attempt::on_bytes(Bytes bytes) {
  // No bytes are left over at a StartTls step: BackendPreamble calls them an injection.
  take_step(preamble_->feed(bytes));
}

void Attempt::take_step(BackendPreamble::Step step) {
  using Step = BackendPreamble::Step;
  if (knocked_ && step != Step::More && step != Step::Failed) {
    fail(dial_error(DialFailure::GreetingTimeout, kGreeting));  // it has read what is no IMAP
    return;
  }
  switch (step) {
    case Step::More:
      return;
    case Step::Send: {
      during_ = "talking to the backend before the session";
      net::Stream& stream = tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
      stream.write(as_bytes(preamble_->to_send()));
      return;
    }
    case Step::StartTls:
      secure();
      return;
    case Step::Ready:
      succeed();
      return;
    case Step::Failed:
      fail(preamble_->error());
      return;
  }
}

void Attempt::secure() {
  during_ = "the backend's TLS handshake";
  const std::string& configured = pool_.config().verify.name;
  tls_ = TlsStream::client(services_.loop, std::move(plain_), *pool_.context(), services_.workspace,
                           configured.empty() ? server_.config.host.host : configured);
  tls_->observe(*this);
}

void Attempt::note_handshake() {
  const tls::Handshake& handshake = handshake_.emplace(tls_->engine().handshake());
  services_.counters.count<Metric::BackendHandshakes>(
      BackendLabel{pool_.label()}, handshake.version, LabelIndex<Label::Cipher>{handshake.cipher},
      LabelIndex<Label::Group>{handshake.group});
  const tls::Engine::Lifetime lifetime = tls_->engine().peer_lifetime();
  services_.facts.certificate_not_before[server_.label].store(lifetime.not_before,
                                                              std::memory_order_relaxed);
  services_.facts.certificate_not_after[server_.label].store(lifetime.not_after,
                                                             std::memory_order_relaxed);
}

// Each client that connects reads the mail of one user.
void Attempt::note_preauth() {
  if (!services_.facts.logs_in_unasked[server_.label].exchange(true)) {
    log::warn("backend logs its clients in unasked",
              {{"backend", pool_.config().name},
               {"server", server_.text},
               {"said", "PREAUTH"},
               {"advice",
                "every client of postern gets in without a password: let the server ask for one "
                "(a preauth service or a shell in place of its IMAP port), or limits.allow names "
                "those that may come"}});
  }
}

// Mail flows without it, so the log says it once for each server; after that it is only counted.
void Attempt::note_refusal_of_identity() {
  services_.counters.count<Metric::BackendIdentityRefusals>(ServerLabel{server_.label});
  if (!std::exchange(server_.refused_identity, true)) {
    log::warn("backend does not take the client's address by ID",
              {{"backend", pool_.config().name}, {"server", server_.text}});
  }
}

void Attempt::succeed() {
  disarm();
  if (preamble_->preauthenticated()) {
    note_preauth();
  }
  if (preamble_->id_refused() && pool_.config().client_identity == ClientIdentity::ImapId) {
    note_refusal_of_identity();
  }
  observer_.on_greeted(*this);
}

std::unique_ptr<net::Stream> Attempt::take_stream() {
  if (tls_ != nullptr) {
    return std::move(tls_);
  }
  return std::move(plain_);
}

// ---- failures

void Attempt::on_end() {
  on_failure(net::closed_error(during_));
}

void Attempt::on_failure(const Error& error) {
  const Error explained = explain(error);
  if (!is_own(explained) || !connect_from_another()) {
    fail(explained);
  }
}

// A server that does not expect a PROXY header hangs up on it, mostly without a word, and before it
// has answered anything of ours.
bool Attempt::broke_off_on_header(const Error& error) const {
  const bool agreed_to_tls = tls_ != nullptr && pool_.config().tls == BackendTls::StartTls;
  if (before() == BackendPreamble::Before::Nothing || handshake_.has_value() || agreed_to_tls) {
    return false;
  }
  const auto alert =
      error.domain == &tls::kTlsDomain && tls_ != nullptr ? tls_->engine().alert() : std::nullopt;
  return is_closed(error) ||
         (alert && !alert->ours && is_about_no_tls(tls::alert_name(alert->code)));
}

// The server has said something that is right so far.
bool Attempt::is_greeted() const {
  return handshake_.has_value() || (preamble_.has_value() && preamble_->greeted());
}

// What bind(2) and connect(2) say alike, and what a server does alike.
Error Attempt::explain(const Error& error) const {
  if (broke_off_on_header(error)) {
    return imap::imap_error(imap::Violation::HeaderUnexpected, kGreeting);
  }
  if (error.domain != &net::kNetDomain || error.code != -EADDRNOTAVAIL) {
    return error;
  }
  if (source_.valid() && !net::is_local(source_)) {
    return dial_error(DialFailure::NoSource, during_);
  }
  // Without IPv6 a machine says the same of each IPv6 address.
  return source_.valid() || !address().is_v6() ? dial_error(DialFailure::NoLocalPort, during_)
                                               : error;
}

bool Attempt::connect_from_another() {
  if (sources_left_ == 0 || plain_ == nullptr) {
    return false;
  }
  services_.loop.retire(std::move(plain_));
  connect();
  return true;
}

void Attempt::on_deadline() {
  if (const uint64_t left_ms = std::exchange(knock_ms_, 0); left_ms > 0) {
    if (is_silent()) {
      knocked_ = true;
      plain_->write(as_bytes(kKnock));
    }
    arm(services_.loop.deadlines(), left_ms);
    return;
  }
  fail(silence());
}

bool Attempt::is_silent() const {
  return plain_ != nullptr && !preamble_.has_value() && plain_->connected();
}

std::optional<Error> Attempt::note_silence() {
  if (age_ms() < kSilentMs) {
    return std::nullopt;
  }
  const Error error = silence();
  put_on_record(error);
  return error;
}

// What the server has not done.
Error Attempt::silence() {
  if (is_silent()) {
    during_ = kGreeting;
  }
  return during_ == kGreeting ? dial_error(DialFailure::GreetingTimeout, during_)
                              : net::net_error(-ETIMEDOUT, during_);
}

void Attempt::put_on_record(const Error& error) {
  cause_ = find_cause(error);
  evidence_ = find_evidence();
  log_failure(error);
  book_failure(error);
}

void Attempt::fail(const Error& error) {
  const Error kept = error;  // it may live in what cancel() gives up
  put_on_record(kept);
  cancel();
  observer_.on_attempt_failed(*this, kept);
}

void Attempt::log_failure(const Error& error) const {
  const bool by_words =
      preamble_.has_value() && (error.domain == &imap::kImapDomain || error.domain == &kDialDomain);
  const bool by_tls = tls_ != nullptr && error.domain == &tls::kTlsDomain;
  const auto alert = by_tls ? tls_->engine().alert() : std::nullopt;
  log::write(failures_, "backend failed",
             {{"backend", pool_.config().name},
              {"server", server_.text},
              log::Field::optional("address", endpoint_text(server_, address())),
              {"reason", error.label()},
              {"cause", name_of(cause_)},
              {"error", error},
              log::Field::optional("sent", is_unexpected_header(error) ? "a PROXY header" : ""),
              {"after_ms", age_ms()},
              log::Field::optional("detail", by_tls ? tls_->engine().reason() : ""),
              log::Field::optional("finding", by_tls ? tls_->engine().finding() : ""),
              log::Field::optional("alert", alert ? tls::alert_name(alert->code) : ""),
              log::Field::optional("alert_from", !alert        ? ""
                                                 : alert->ours ? "postern"
                                                               : "server"),
              log::Field::optional("protocol", by_words ? preamble_->protocol() : ""),
              log::Field::optional("said", by_words ? std::string(preamble_->said()) : ""),
              {"advice", fix_for(cause_, by_words ? preamble_->said() : "")}});
}

// A session's own end is booked there, with its client.
void Attempt::book_failure(const Error& error) const {
  services_.facts.failures.add(cause_, pool_.label(), [&] {
    const std::string endpoint = endpoint_text(server_, address());
    return FailureBook::Details{
        .server = endpoint.empty() ? server_.text : server_.text + " " + endpoint,
        .said = evidence_.empty() ? error.text() : evidence_};
  });
}

std::string Attempt::find_evidence() const {
  const std::string finding = tls_ != nullptr ? tls_->engine().finding() : "";
  return finding.empty() && preamble_.has_value() ? std::string(preamble_->said()) : finding;
}

Cause Attempt::find_cause(const Error& error) const {
  const bool by_words = preamble_.has_value();
  const auto alert = tls_ != nullptr ? tls_->engine().alert() : std::nullopt;
  return cause_of_failure(
      error,
      {.protocol = by_words ? preamble_->protocol() : "",
       .said = by_words ? preamble_->said() : "",
       .alert = alert && !alert->ours ? std::optional(alert->code) : std::nullopt,
       .spoke_first = pool_.config().tls == BackendTls::Implicit || !identity_.proxy_header.empty(),
       .kept_waiting = is_closed(error) && identity_.proxy_header.empty() && !is_greeted() &&
                       age_ms() >= kPatienceMs});
}

}  // namespace postern
