// How a session ends: what is said last, and when; what is released; the streams closed.
#include <memory>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/jitter.h"
#include "proxy/session/internal/session_labels.h"
#include "proxy/session/session.h"

namespace postern {

using metrics::Hop;
using metrics::Label;
using metrics::Metric;

// A server that goes with thousands of sessions must not bring all their clients back at once.
uint64_t Session::delay_of_bye(EndReason reason) const {
  constexpr uint64_t kAtOnce = 100;  // of a second
  const BackendServer* server = context_.slot.server();
  const bool by_server = reason == EndReason::BackendClosed || reason == EndReason::BackendFailed;
  if (!by_server || server == nullptr || draining_ || !logged_in() ||
      !relay_->filter().nothing_owed() || config().timeouts.spread_ms == 0) {
    return 0;
  }
  Burst& lost = context_.services.dial.facts.lost[server->label];
  return lost.add(loop().now_ms()) <= kAtOnce
             ? 0
             : jitter(net::Loop::now_us(), config().timeouts.spread_ms);
}

void Session::start_closing(EndReason reason, std::string_view bye, uint64_t delay_ms) {
  release_resources(reason);
  enter(State::Closing);
  disarm();
  if (dialer_ != nullptr) {
    dialer_->cancel();
    loop().retire(std::move(dialer_));
  }
  leave_backend();
  move_to(before_login().waiting);
  LingeringCloseObserver& observer = *this;
  const bool ended = relay_ != nullptr && relay_->client_has_ended();
  lingering_ = std::make_unique<LingeringClose>(
      loop(), std::move(client_), logged_in() ? kDroppedAfterLogin : kDroppedBeforeLogin, observer);
  if (delay_ms > 0) {
    lingering_->start_after(delay_ms, bye);
  } else {
    lingering_->start(bye, ended);
  }
}

void Session::close(EndReason reason) {
  if (state_ == State::Closed) {
    return;
  }
  if (!reason_.has_value()) {
    release_resources(reason);
  }
  enter(State::Closed);
  disarm();
  if (setup_ != nullptr) {
    setup_->cancel();
  }
  if (dialer_ != nullptr) {
    const bool by_client = reason == EndReason::ClientClosed || reason == EndReason::ClientFailed;
    by_client ? dialer_->client_left() : dialer_->cancel();
  }
  leave_backend();
  if (client_ != nullptr) {
    client_->abort();
  }
  if (lingering_ != nullptr) {
    lingering_->cancel();
  }
  ListNode<Session>::unlink();
  loop().retire(std::unique_ptr<Session>(this));
}

// Everything that others wait for is released when the end is decided, not when the client has
// gone: gauges, the server slot, the counters.
void Session::release_resources(EndReason reason) {
  check(!reason_.has_value(), "a session ends once");
  reason_ = reason_on_record(reason);
  counters().count<Metric::SessionsTotal>(ListenerLabel{context_.listener}, *reason_);
  if (error_.domain == &imap::kImapDomain) {
    const Hop hop = reason == EndReason::ClientViolation ? Hop::Client : Hop::Backend;
    counters().count<Metric::Violations>(
        hop, context_.labels().index_of<Label::Violation>(error_.label()));
  }
  if (refusal_) {
    context_.services.admission.refusals().refused(
        context_.listener_config().text, context_.origin.address, refusal_->why,
        limit_of(refusal_->limit, config(), context_.services.admission.possible_sessions(),
                 context_.listener, context_.origin.address),
        loop().now_ms());
  } else {
    log_end();
  }
  book_end();
  // With routes by user the first answers are postern's own.
  if (const auto trial = std::exchange(trial_, nullptr);
      trial && user_backend_ == nullptr && watch_->answered()) {
    trial->passed();
  }
  if (watch_.has_value()) {
    watch_->release();
  }
  if (context_.snapshot->lookup != nullptr) {
    context_.snapshot->lookup->withdraw(*this);
  }
  context_.slot = ServerSlot();
}

// With TLS on the hop close_notify says that this end is meant (RFC 8446 §6.1).
void Session::leave_backend() {
  if (backend_ != nullptr) {
    backend_->finish();
    backend_->abort();
  }
}

}  // namespace postern
