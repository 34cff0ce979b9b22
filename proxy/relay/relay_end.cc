// How a relay ends: which reason it reports, and what the client hears last.
#include <utility>

#include "proxy/relay/relay.h"

namespace postern {

using imap::Violation;

namespace {

// The last line to a client when it, or the backend, breaks the rules.
std::string_view bye_for(Violation violation) {
  switch (violation) {
    case Violation::LineTooLong:
      return "* BYE [LIMIT] Command line too long\r\n";
    case Violation::LiteralTooLong:
      return "* BYE [LIMIT] Literal too large before login\r\n";
    case Violation::TooManyPending:
    case Violation::TooManyRefusals:
      return "* BYE [LIMIT] Too many commands\r\n";
    case Violation::TalkSpent:
      return "* BYE [LIMIT] Too many commands before login\r\n";
    case Violation::BadLiteral:
      return "* BYE Malformed literal\r\n";
    case Violation::Unauthenticated:
      return "* BYE Commands must wait for the answer to UNAUTHENTICATE\r\n";
    default:
      return "* BYE [UNAVAILABLE] Mail server spoke out of turn, please try again later\r\n";
  }
}

constexpr std::string_view kBackendGone =
    "* BYE [UNAVAILABLE] Lost the connection to the mail server, please try again\r\n";

}  // namespace

void Relay::bye_at(imap::Stop stop, EndReason reason, std::string_view line) {
  if (bye_reason_ == EndReason::Banned) {  // that is said at the next boundary anyway
    return;
  }
  bye_ = line;
  bye_reason_ = reason;
  filter_.stop_at(stop);
  if (delayed_ == nullptr && filter_.stopped()) {
    end_where_stopped();
  }
}

// After the server's own BYE there is nothing more to say.
void Relay::end_where_stopped() {
  if (filter_.has_ended()) {
    end_now(reason_of_end(bye_reason_), {});
  } else {
    end_now(bye_reason_, bye_, bye_reason_ == EndReason::ClientViolation ? watch().error : Error{});
  }
}

void Relay::end_now(EndReason reason, std::string_view line, const Error& error) {
  if (std::exchange(done_, true)) {
    return;
  }
  disarm();
  to_backend_.lost = true;  // what the client has just sent to end it is not passed on
  if (const auto delayed = std::move(delayed_);
      delayed != nullptr && reason != EndReason::ClientFailed) {
    to_client_.put(as_bytes(delayed->bytes));
  }
  filter_.end(broken_off_by_client(reason));
  observer_.on_relay_end(reason, filter_.at_boundary() ? line : std::string_view{}, error);
}

// Whether a login that was not answered has ended by the client's doing.
bool Relay::broken_off_by_client(EndReason reason) const {
  switch (reason) {
    case EndReason::ClientClosed:
    case EndReason::ClientFailed:
    case EndReason::ClientViolation:
    case EndReason::ClientLogout:
      return true;
    case EndReason::LoginTimeout:  // it had the server's challenge, and kept silent
      return client_ended_ || filter_.login_awaits_client();
    default:
      return client_ended_;
  }
}

bool Relay::stop_on_violation(bool clients_fault) {
  const Error& violation = filter_.violation();
  if (!violation) {
    return done_;
  }
  if (static_cast<Violation>(violation.code) == Violation::TalkSpent && !client_ended_ &&
      bye_reason_ != EndReason::Banned) {
    const Error spent = violation;
    if (filter_.await_answers()) {
      await_last_answers(spent);
      return true;
    }
  }
  clients_fault =
      clients_fault || static_cast<Violation>(violation.code) == Violation::Unauthenticated;
  end_now(clients_fault ? EndReason::ClientViolation : EndReason::BackendViolation,
          bye_for(static_cast<Violation>(violation.code)), violation);
  return true;
}

// Other clients with commands in a row hear the answers that they have coming, and so does this
// one. What it says meanwhile is dropped, as if the server took nothing more.
void Relay::await_last_answers(const Error& spent) {
  bye_ = bye_for(Violation::TalkSpent);
  bye_reason_ = EndReason::ClientViolation;
  lose(to_backend_, spent);
  if (filter_.stopped()) {
    end_where_stopped();
  }
}

EndReason Relay::reason_of_end(EndReason unless_logout) const {
  return filter_.phase() == imap::Phase::Logout ? EndReason::ClientLogout : unless_logout;
}

void Relay::end_without_backend(EndReason reason, const Error& error) {
  if (client_ended_) {
    end_without_client(error);
  } else if (filter_.has_ended()) {  // a reset after its BYE is only for what it has not read
    end_now(reason_of_end(EndReason::BackendClosed), {});
  } else {
    end_now(reason, kBackendGone, error);
  }
}

void Relay::end_without_client(const Error& error) {
  if (client_failed_) {
    end_now(EndReason::ClientFailed, {}, watch().error);
  } else {
    end_now(reason_of_end(EndReason::ClientClosed), {}, error);
  }
}

}  // namespace postern
