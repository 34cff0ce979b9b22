#include "proxy/imap/conversation.h"

#include <algorithm>
#include <utility>

namespace postern::imap {
namespace {

// How many commands in flight after login keep their tags. Clients pipeline a dozen.
constexpr uint32_t kMaxRemembered = 256;

}  // namespace

// ---- the client's side before login

void Conversation::attempt(Mechanism mechanism, uint64_t user) {
  if (attempt_.open()) {
    login_ended(attempt_.result_of_silence());
  }
  attempt_ = LoginAttempt(mechanism, user);
}

// The observer may end the session from within: an attempt that never goes has no result.
LoginLeave Conversation::ask_leave() {
  LoginAttempt asking = std::exchange(attempt_, {});
  const LoginLeave leave = observer_.on_login_attempt(asking.mechanism());
  if (leave == LoginLeave::Never) {
    return leave;
  }
  asking.admit();
  attempt_ = asking;
  if (leave == LoginLeave::Wait) {
    turn_ = Turn::AwaitLeave;
  }
  return leave;
}

void Conversation::sent(std::string_view tag, Command command) {
  append(tag, command);
  if (command != Command::Login) {  // the rest of that one may be yet to come
    sent_in_full();
  }
  if (is_login(command)) {
    attempt_.sent(command == Command::Authenticate);
    lines_asked_ = 0;
    turn_ = attempt_.by_sasl() ? Turn::AwaitSasl : Turn::AwaitLogin;
  }
}

void Conversation::append(std::string_view tag, Command command) {
  queue_.append(tag, command);
  logout_asked_ = logout_asked_ || command == Command::Logout;
}

void Conversation::login_sent() {
  attempt_.completed();
  sent_in_full();
  turn_ = Turn::AwaitLogin;
}

void Conversation::response_sent() {
  --lines_asked_;
  sent_in_full();
  turn_ = lines_asked_ > 0 ? Turn::SaslLine : Turn::AwaitSasl;
  report_sasl_turn();
}

void Conversation::report_sasl_turn() {
  if (attempt_.secret_sent()) {
    observer_.on_sasl_turn(turn_ == Turn::SaslLine);
  }
}

void Conversation::end(bool by_client) {
  if (attempt_.open()) {
    login_ended(attempt_.result_of_end(by_client));
  }
  if (sure() && !opaque_) {
    abandon(queue_.end());
    queue_.clear();
  }
}

// Those up to `end` will not be answered.
void Conversation::abandon(CommandQueue::Position end) {
  for (CommandQueue::Position position = 0; position < end;) {
    const Entry entry = queue_.at(position);
    position = entry.end;
    if (!unfinished_ || position < queue_.end()) {
      report(entry, CommandResult::Abandoned);
    }
  }
}

// ---- the client's side after login

void Conversation::begin(std::string_view tag, Command command) {
  if (!queue_.empty() && find(tag) != kUnknown) {  // most clients wait for each answer
    lose_track();
  }
  if (queue_.count() >= kMaxRemembered) {
    forget_oldest();
    lose_track();
  }
  append(tag, command);
  newest_ = command;
  unfinished_ = true;
  early_plus_ = false;
}

// An UNAUTHENTICATE is never forgotten: after it there may be logins.
void Conversation::forget_oldest() {
  queue_.remove_all_but(Command::Unauthenticate);
  overtaken_ = overtaken_ || queue_.count() > kMaxRemembered / 2;
}

bool Conversation::announce_literal() {
  if (std::exchange(early_plus_, false)) {
    return true;
  }
  turn_ = Turn::AwaitLiteral;
  return false;
}

void Conversation::end_command() {
  if (!std::exchange(unfinished_, false)) {
    return;
  }
  if (newest_ == Command::Idle) {
    turn_ = Turn::Idle;
    return;
  }
  sent_in_full();
  if (newest_ == Command::Unauthenticate && sure()) {
    turn_ = Turn::AwaitUnauthenticate;
  }
}

void Conversation::done() {
  turn_ = Turn::Command;
  set_idling(false);
}

void Conversation::lose_track() {
  unsure_ = true;
  unfinished_ = early_plus_ = false;
  if (turn_ == Turn::AwaitLiteral || turn_ == Turn::Idle) {
    turn_ = Turn::Command;
  }
}

bool Conversation::take_literal_refusal() {
  return std::exchange(literal_refused_, false);
}

void Conversation::claim_layer() {
  layer_claimed_ = true;
  lose_track();
}

// ---- the server's side

void Conversation::greeted(bool authenticated) {
  phase_ = authenticated ? Phase::Authenticated : Phase::NotAuthenticated;
  logged_in_ = login_proved_ = authenticated;
  if (authenticated) {
    observer_.on_login_result(Mechanism::Preauth, LoginResult::Success, 0);
  }
}

void Conversation::continuation() {
  if (before_login()) {
    if (turn_ == Turn::AwaitLiteral) {
      turn_ = Turn::SendLiteral;
    } else if (attempt_.open() && attempt_.by_sasl()) {
      lines_asked_ = static_cast<uint8_t>(std::min(lines_asked_ + 1, int{UINT8_MAX}));
      if (turn_ != Turn::AwaitLeave) {
        turn_ = Turn::SaslLine;
        report_sasl_turn();
      }
    }
    return;
  }
  for (CommandQueue::Position position = 0; position < queue_.end();) {
    const Entry entry = queue_.at(position);
    position = entry.end;
    if (entry.command == Command::Idle && !entry.had_plus) {
      const bool newest = entry.end == queue_.end();
      if (newest && unfinished_) {
        break;  // it is not yet sent in full, so the "+" is for another
      }
      queue_.set_plus(entry.position);
      set_idling(newest && turn_ == Turn::Idle);  // not if DONE has already been sent
      return;
    }
  }
  if (turn_ == Turn::AwaitLiteral) {
    turn_ = Turn::Command;
  } else if (unfinished_) {
    early_plus_ = true;  // Dovecot says it at the "}", before the line has ended
  } else {
    lose_track();
  }
}

// A server answers a command whose tag it does not accept with "* BAD", and no other answer
// follows.
void Conversation::untagged_bad() {
  if (!before_login()) {
    untagged_bad_after_login();
    return;
  }
  if (queue_.empty()) {
    return;
  }
  const Entry oldest = queue_.at(0);
  if (!is_login(oldest.command)) {
    report(oldest, CommandResult::Bad);
    queue_.remove(oldest);
  } else if (turn_ == Turn::AwaitLiteral || turn_ == Turn::AwaitLogin || turn_ == Turn::AwaitSasl) {
    attempt_.rejected();
    turn_ = Turn::Command;
  }
}

// It may answer a line that is no command, a command in flight, or a literal.
void Conversation::untagged_bad_after_login() {
  if (queue_.empty() && line_start_) {
    unsure_ = false;
    return;
  }
  if (turn_ == Turn::AwaitUnauthenticate) {
    turn_ = Turn::Command;
  }
  lose_track();
}

void Conversation::answered(uint32_t position, CommandResult result, LoginResult answer) {
  if (position == kUnknown) {
    if (!before_login()) {
      lose_track();
    }
  } else if (before_login()) {
    answered_before_login(queue_.at(position), result, answer);
  } else {
    answered_after_login(queue_.at(position), result, answer);
  }
}

// Commands older than the one that is answered will never be answered.
void Conversation::answered_before_login(const Entry& entry, CommandResult result,
                                         LoginResult answer) {
  const Command command = entry.command;
  const bool of_login = is_login(command);
  const bool passed_over =
      queue_.has_login(0, entry.position) && !queue_.has_login(entry.end, queue_.end());
  if (entry.position > 0) {
    abandon(entry.position);
  }
  report(entry, result);
  queue_.remove_before(entry.end);
  const bool ended = attempt_.in_flight() && (of_login || passed_over);
  if (of_login) {
    turn_ = Turn::Command;
    if (answer == LoginResult::Success) {
      phase_ = has_ended() ? phase_ : Phase::Authenticated;
      logged_in_ = true;
      login_proved_ = false;
      compress_missing_ = false;  // many servers offer it only from now on
      layer_possible_ = attempt_.may_have_layer();
    }
  }
  if (ended) {
    login_ended(of_login ? attempt_.result_of(answer) : attempt_.result_of_silence());
  }
  if (!of_login) {
    take_answer(command, answer, true);
  }
}

void Conversation::answered_after_login(const Entry& entry, CommandResult result,
                                        LoginResult answer) {
  const bool newest = entry.end == queue_.end();
  const bool certain = sure();
  const Command command = entry.command;
  overtaken_ = overtaken_ || (command == Command::Unauthenticate &&
                              answer == LoginResult::Success && !(newest && line_start_));
  if (certain) {
    report(entry, result);
  }
  queue_.remove(entry);
  if (newest && unfinished_) {
    if (turn_ == Turn::AwaitLiteral) {
      literal_refused_ = true;
      unfinished_ = false;
      turn_ = Turn::Command;
    } else {
      lose_track();  // the server gave the command up and may read the rest of it in any way
    }
  } else if (newest) {
    turn_ = turn_ == Turn::AwaitLiteral ? turn_ : Turn::Command;
    if (unsure_ && line_start_) {
      unsure_ = false;
      queue_.clear();
    }
  }
  judged_after_login(command, answer);
  take_answer(command, answer, certain);
}

// Servers say BAD to a second login. One that judges it, and has done nothing yet that needs a
// login, has refused the first whatever it said (Microsoft's has said OK to a bad token).
void Conversation::judged_after_login(Command command, LoginResult answer) {
  if (login_proved_) {
    return;
  }
  login_proved_ = proves_login(command) && answer == LoginResult::Success;
  if (is_login(command) && answer != LoginResult::Unsupported) {
    observer_.on_login_result(command == Command::Login ? Mechanism::Login : Mechanism::Other,
                              answer, 0);
  }
}

// An answer that is not certain to be that of COMPRESS is not believed against the server's own
// capabilities: the client could hide from the gateway what it says next.
void Conversation::take_answer(Command command, LoginResult answer, bool certain) {
  if (command == Command::Idle) {
    set_idling(false);
  }
  if (answer != LoginResult::Success) {
    return;
  }
  if (command == Command::Logout) {
    phase_ = Phase::Logout;
  } else if (command == Command::Compress) {
    if (certain || !compress_missing_) {
      turn_opaque();
    }
  } else if (command == Command::Unauthenticate && phase_ == Phase::Authenticated) {
    phase_ = Phase::NotAuthenticated;
    logged_in_ = false;
    unsure_ = unfinished_ = layer_possible_ = layer_claimed_ = false;
    turn_ = Turn::Command;
    queue_.clear();
    observer_.on_unauthenticated();
  }
}

// ---- logins

void Conversation::login_ended(LoginResult result) {
  const LoginAttempt ended = std::exchange(attempt_, {});
  observer_.on_login_result(ended.mechanism(), result, ended.user());
}

void Conversation::set_idling(bool idling) {
  if (idling_ != idling) {
    idling_ = idling;
    observer_.on_idle(idling);
  }
}

void Conversation::turn_opaque() {
  opaque_ = true;
  turn_ = Turn::Command;  // what is answered from now on cannot be read, so nothing waits for it
  observer_.on_opaque();
}

}  // namespace postern::imap
