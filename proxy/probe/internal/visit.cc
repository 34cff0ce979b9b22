#include "proxy/probe/internal/visit.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "proxy/backend/dial_failure.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/backend/finding.h"
#include "proxy/net/failure.h"

namespace postern::probe {

using imap::BackendPreamble;

namespace {

constexpr size_t kMaxLine = 512;  // of a greeting, in the record
constexpr size_t kMaxInside = 16 * kKiB;
constexpr std::string_view kInjected = "PROBE1 NOOP\r\n";
constexpr std::string_view kAnswer = "PROBE1 ";

}  // namespace

Visit::Visit(const VisitServices& services, const tls::ClientContext& context,
             const VisitPlan& plan, std::string name, VisitObserver& observer)
    : services_(services), context_(context), name_(std::move(name)), observer_(observer) {
  record_.plan = plan;
}

Visit::~Visit() = default;

void Visit::start(const net::Address& address, uint64_t timeout_ms) {
  arm(services_.loop.deadlines(), timeout_ms);
  lap_us();
  plain_ = net::TcpStream::make(services_.loop);
  plain_->observe(*this);
  plain_->connect(address, {});
}

void Visit::cancel() {
  disarm();
  if (tls_ != nullptr) {
    tls_->abort();
    services_.loop.retire(std::move(tls_));
  }
  if (plain_ != nullptr) {
    plain_->abort();
    services_.loop.retire(std::move(plain_));
  }
}

// The time since the last call.
uint64_t Visit::lap_us() {
  const uint64_t now_us = net::Loop::now_us();
  return now_us - std::exchange(lap_began_us_, now_us);
}

net::Stream& Visit::stream() {
  return tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
}

// ---- connected, or TLS is up

void Visit::on_open() {
  if (tls_ == nullptr) {
    record_.connected = true;
    record_.times.connect_us = lap_us();
    record_.plan.way == Way::Tls ? secure() : begin_imap();
    return;
  }
  note_handshake();
  if (!record_.plan.talks) {
    end();
  } else if (preamble_.has_value()) {  // STARTTLS is done
    take_step(preamble_->secured());
  } else {
    begin_imap();
  }
}

void Visit::secure() {
  lap_us();
  tls_ = TlsStream::client(services_.loop, std::move(plain_), context_, services_.workspace, name_);
  tls_->observe(*this);
}

void Visit::note_handshake() {
  record_.times.tls_us = lap_us();
  record_.handshake = tls_->engine().handshake();
  record_.peer = tls_->engine().peer_report(services_.verifier, name_);
}

// ---- IMAP

void Visit::begin_imap() {
  const bool in_clear = record_.plan.way == Way::Clear;
  preamble_.emplace(in_clear ? BackendPreamble::Hop::StartTls : BackendPreamble::Hop::AsIs,
                    in_clear ? "" : "CAPABILITY");
}

void Visit::on_bytes(Bytes bytes) {
  if (user_) {
    take_user_step(user_->feed(bytes));
    return;
  }
  note_first_line(bytes);
  note_injection(bytes);
  take_step(preamble_->feed(bytes));
}

void Visit::note_first_line(Bytes bytes) {
  if (first_line_ends_) {
    return;
  }
  if (record_.greeting.empty()) {
    record_.times.greeting_us = lap_us();
  }
  const std::string_view text = as_text(bytes);
  const size_t end = text.find_first_of("\r\n");
  record_.greeting.append(text.substr(0, end)).resize(std::min(record_.greeting.size(), kMaxLine));
  first_line_ends_ = end != std::string_view::npos;
}

void Visit::note_injection(Bytes bytes) {
  if (!record_.plan.injects || !record_.handshake || inside_.size() > kMaxInside) {
    return;
  }
  inside_.append(as_text(bytes));
  record_.answered_injection = inside_.starts_with(kAnswer) ||
                               inside_.find("\n" + std::string(kAnswer)) != std::string::npos;
}

void Visit::take_step(Step step) {
  switch (step) {
    case Step::More:
      return;
    case Step::Send: {
      std::string command(preamble_->to_send());
      if (record_.plan.injects && command.ends_with(" STARTTLS\r\n")) {
        command.append(kInjected);
      }
      stream().write(as_bytes(command));
      return;
    }
    case Step::StartTls:
      secure();
      return;
    case Step::Ready:
      if (record_.plan.logs_in) {
        begin_user();
        return;
      }
      say_goodbye(stream());
      end();
      return;
    case Step::Failed:
      fail(preamble_->error());
      return;
  }
}

// The certificate of this connection has to be good, too, before the password goes.
void Visit::begin_user() {
  if (services_.credentials == nullptr || !record_.handshake || record_.peer.failure) {
    fail(tls::tls_error(tls::Failure::CertificateUntrusted, "before the login"));
    return;
  }
  lap_us();
  tls_->wipe_what_was_read(true);
  user_.emplace(*services_.credentials);
  take_user_step(user_->begin());
}

void Visit::take_user_step(UserWalk::Step step) {
  std::vector<UserStep>& steps = user_->steps();
  if (!steps.empty() && steps.back().us == 0) {
    steps.back().us = std::max<uint64_t>(lap_us(), 1);
  }
  if (step == UserWalk::Step::Send) {
    stream().write(as_bytes(user_->to_send()));
    user_->sent();
  } else if (step == UserWalk::Step::Done) {
    say_goodbye(stream());
    end();
  }
}

// ---- the end

void Visit::on_end() {
  fail(net::closed_error("probing"));
}

void Visit::on_failure(const Error& error) {
  fail(error);
}

void Visit::on_deadline() {
  fail(record_.connected ? dial_error(DialFailure::GreetingTimeout, "probing")
                         : net::net_error(-ETIMEDOUT, "connecting"));
}

void Visit::fail(const Error& error) {
  const auto alert =
      tls_ != nullptr && error.domain == &tls::kTlsDomain ? tls_->engine().alert() : std::nullopt;
  FailureSigns signs;
  if (preamble_) {
    signs.protocol = preamble_->protocol();
    signs.said = preamble_->said();
  }
  if (alert && !alert->ours) {
    signs.alert = alert->code;
  }
  record_.failure = cause_of_failure(error, signs);
  record_.protocol = signs.protocol;
  record_.evidence = signs.said;
  if (signs.alert) {
    record_.evidence = std::string("alert ") + tls::alert_name(*signs.alert);
  } else if (record_.evidence.empty()) {
    record_.evidence = error.text();
  }
  end();
}

void Visit::note_words() {
  if (preamble_) {
    record_.capabilities = preamble_->capabilities();
    record_.clear_capabilities =
        record_.plan.way == Way::Clear ? preamble_->clear_capabilities() : "";
    record_.preauth = preamble_->preauthenticated();
  }
}

void Visit::end() {
  note_words();
  if (user_) {
    record_.login = user_->login();
    record_.user_steps = std::move(user_->steps());
  }
  cancel();
  observer_.on_visited(*this);
}

}  // namespace postern::probe
