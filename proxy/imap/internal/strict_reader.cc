#include "proxy/imap/internal/strict_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/imap/command.h"
#include "proxy/imap/internal/id_edit.h"
#include "proxy/imap/internal/login_command.h"
#include "proxy/imap/internal/login_name.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Turn = Conversation::Turn;

constexpr const char* kReadingCommand = "reading the client's command";

// Sends line ends as CRLF: some servers accept a bare LF, others do not.
void put_line(std::string_view line, Output& output) {
  if (line.ends_with("\r\n")) {
    output.put(as_bytes(line));
    return;
  }
  std::string whole(without_line_end(line));
  whole.append("\r\n");
  output.put(as_bytes(whole));
  wipe(whole);
}

// Why a command must not pass, judged by its head and its framing.
std::optional<CommandRefusal> objection(const CommandHead& head, std::string_view text) {
  if (head.command == Command::StartTls) {
    return CommandRefusal::Starttls;
  }
  // Dovecot rejects a tag with "]" and answers without a tag: the login would wait for ever.
  // Courier ends a tag at "}" and "~", and answers to what is before.
  if (!head.strict || head.tag.find_first_of("}~") != std::string_view::npos ||
      (is_login(head.command) && head.tag.find(']') != std::string_view::npos)) {
    return CommandRefusal::Malformed;
  }
  if (head.command == Command::Compress || head.command == Command::Idle) {
    return CommandRefusal::NotYet;
  }
  if (is_login(head.command) || head.command == Command::Id || is_one_line(text)) {
    return std::nullopt;
  }
  return CommandRefusal::Malformed;
}

}  // namespace

StrictReader::~StrictReader() {
  wipe(held_);
}

size_t StrictReader::feed(Bytes bytes, FilterState& shared) {
  size_t taken = 0;
  while (taken < bytes.size() && !shared.violation && shared.conversation.before_login() &&
         !shared.conversation.stalled()) {
    const Bytes rest = bytes.subspan(taken);
    taken += scanner_.literal_left() > 0 ? read_literal(rest) : read_line(rest, shared);
    if (budget_.spent()) {
      shared.violate(Violation::TalkSpent, kReadingCommand);
    }
  }
  budget_.piece(taken);
  return taken;
}

std::string StrictReader::take_rest() {
  return std::exchange(held_, {});
}

// ---- one command's bytes

size_t StrictReader::read_literal(Bytes bytes) {
  const size_t count = scanner_.read_literal(bytes.size());
  read_ += count;
  if (!refused_) {
    hold(as_text(bytes.first(count)));
  }
  return count;
}

size_t StrictReader::read_line(Bytes bytes, FilterState& shared) {
  const size_t limit = shared.limits.command_before_login;
  const Bytes window = bytes.first(std::min(bytes.size(), limit - std::min(read_, limit)));
  size_t used = 0;
  const Scanner::Found found = scanner_.read_line(window, Scanner::Marks::Doubt, used);
  const std::string_view piece = as_text(window.first(used));
  read_ += used;
  if (found == Scanner::Found::LineEnd && held_.empty()) {
    line_ended(piece, shared);
    return used;
  }
  if (!refused_) {
    hold(piece);
  }
  switch (found) {
    case Scanner::Found::Nothing:
      if (used < bytes.size()) {
        shared.violate(Violation::LineTooLong, kReadingCommand);
      }
      break;
    case Scanner::Found::LineEnd: {
      std::string line = std::exchange(held_, {});
      line_ended(line, shared);
      wipe(line);
      break;
    }
    case Scanner::Found::Literal:
      literal_announced(shared);
      break;
    case Scanner::Found::BadLiteral:
      shared.violate(Violation::BadLiteral, kReadingCommand);
      break;
  }
  return used;
}

void StrictReader::hold(std::string_view piece) {
  append_secret(held_, piece);
}

// Only LOGIN and ID may have one. If another command has one that does not wait for "+", its octets
// are read and dropped.
void StrictReader::literal_announced(FilterState& shared) {
  const size_t limit = shared.limits.command_before_login;
  const bool fits = scanner_.literal_left() <= limit - std::min(read_, limit);
  if (shared.conversation.turn() == Turn::SaslLine) {
    scanner_.abandon_line();
    std::string line = std::exchange(held_, {});
    line_ended(line, shared);
    wipe(line);
    return;
  }
  if (!refused_) {
    const CommandHead head = parse_command_head(held_);
    const bool takes_literals = head.command == Command::Login || head.command == Command::Id;
    if (head.command == Command::StartTls) {
      begin_refusal(CommandRefusal::Starttls);
    } else if (!takes_literals || !head.strict || scanner_.doubtful()) {
      begin_refusal(CommandRefusal::Literal);
    }
  }
  if (!fits && (!refused_ || !scanner_.synchronising())) {
    shared.violate(Violation::LiteralTooLong, kReadingCommand);
  } else if (refused_ && scanner_.synchronising()) {
    scanner_.abandon_line();
    std::string line = std::exchange(held_, {});
    line_ended(line, shared);
  } else if (scanner_.synchronising()) {
    shared.reply("+ OK\r\n");
  }
}

// Only the tag of a refused command is needed.
void StrictReader::begin_refusal(CommandRefusal reason) {
  refused_ = true;
  refusal_ = reason;
  const CommandHead head = parse_command_head(held_);
  std::string tag(head.tag.substr(0, kMaxTag));
  wipe(held_);
  held_.swap(tag);
}

void StrictReader::forget_command() {
  read_ = 0;
  refused_ = false;
}

// ---- a whole line

// `line` is a command with its literals, or the tag of one that is refused.
void StrictReader::line_ended(std::string_view line, FilterState& shared) {
  budget_.command();
  if (budget_.spent()) {
    return;
  }
  if (refused_) {
    refuse(line, refusal_, shared);
  } else if (shared.conversation.turn() == Turn::SaslLine) {
    sasl_line(line, shared);
  } else {
    command(line, shared);
  }
  forget_command();
}

// The server waits for a response, so an invalid one is replaced by "*", which cancels the attempt.
void StrictReader::sasl_line(std::string_view line, FilterState& shared) {
  const std::string_view text = without_line_end(line);
  const bool good = is_sasl_response(text) && text != "*";
  if (good && shared.conversation.wants_leave()) {
    parts_.assign_line(line);
    go_or_wait(shared.conversation.ask_leave(), shared);
  } else {
    send_response(good ? text : "*", shared);
  }
}

void StrictReader::send_response(std::string_view text, FilterState& shared) {
  shared.conversation.response(text);
  std::string line(text);
  append_secret(line, "\r\n");
  shared.to_server.put(as_bytes(line));
  wipe(line);
  shared.conversation.response_sent();
}

void StrictReader::command(std::string_view line, FilterState& shared) {
  Conversation& conversation = shared.conversation;
  const std::string_view text = without_line_end(line);
  if (conversation.in_flight() >= shared.limits.pending_commands) {
    shared.violate(Violation::TooManyPending, kReadingCommand);
    return;
  }
  const CommandHead head = parse_command_head(line);
  if (const auto reason = objection(head, text)) {
    refuse(head.tag, *reason, shared);
    return;
  }
  switch (head.command) {
    case Command::Login:
      login(head, line, shared);
      return;
    case Command::Authenticate:
      authenticate(head, line, shared);
      return;
    case Command::Id:
      id(head, line, shared);
      return;
    default:
      conversation.sent(head.tag, head.command);
      put_line(line, shared.to_server);
      return;
  }
}

// ---- logins

void StrictReader::login(const CommandHead& head, std::string_view line, FilterState& shared) {
  Conversation& conversation = shared.conversation;
  if (conversation.find(head.tag) != Conversation::kUnknown) {
    refuse(head.tag, CommandRefusal::TagInUse, shared);
    return;
  }
  std::string_view user;
  std::string unquoted;
  const bool plain = is_plain_login(line, head.length, user);
  if (!plain) {
    parts_.assign(login_parts(line, head.length, unquoted));
    user = unquoted;
    if (parts_.empty()) {
      refuse(head.tag, CommandRefusal::Login, shared);
      return;
    }
  }
  const SipHash::Key* key = conversation.observer().name_key();
  conversation.attempt(Mechanism::Login, key != nullptr ? user_hash(*key, user) : 0);
  const LoginLeave leave = conversation.ask_leave();
  if (plain && leave == LoginLeave::Go) {
    conversation.sent(head.tag, head.command);
    put_line(line, shared.to_server);
    conversation.login_sent();
    return;
  }
  if (plain) {
    parts_.assign_line(line);
  }
  go_or_wait(leave, shared);
}

void StrictReader::go_or_wait(LoginLeave leave, FilterState& shared) {
  switch (leave) {
    case LoginLeave::Go:
      send_login(shared);
      return;
    case LoginLeave::Wait:
      return;
    case LoginLeave::Never:
      parts_.clear();
      return;
  }
}

void StrictReader::authenticate(const CommandHead& head, std::string_view line,
                                FilterState& shared) {
  Conversation& conversation = shared.conversation;
  const SaslStart start = parse_authenticate(line.substr(head.length));
  if (!start.good) {
    refuse(head.tag, CommandRefusal::Authenticate, shared);
    return;
  }
  if (conversation.find(head.tag) != Conversation::kUnknown) {
    refuse(head.tag, CommandRefusal::TagInUse, shared);
    return;
  }
  conversation.attempt(start.mechanism, 0);
  parts_.assign_line(line);
  const bool has_secret = !start.response.empty() && conversation.wants_leave();
  go_or_wait(has_secret ? conversation.ask_leave() : LoginLeave::Go, shared);
}

// The login that was set aside, or the response of AUTHENTICATE that completes its secret.
void StrictReader::send_login(FilterState& shared) {
  const std::string_view line = parts_.front();
  if (shared.conversation.login_begun()) {
    send_response(without_line_end(line), shared);
    parts_.clear();
    return;
  }
  const CommandHead head = parse_command_head(line);
  shared.conversation.sent(head.tag, head.command);
  if (head.command == Command::Authenticate) {
    const SaslStart start = parse_authenticate(line.substr(head.length));
    if (!start.response.empty()) {
      shared.conversation.response(start.response);
    }
  }
  send_part(shared);
}

void StrictReader::send_part(FilterState& shared) {
  shared.to_server.put(as_bytes(parts_.front()));
  parts_.pop_front();
  if (!parts_.empty()) {
    shared.conversation.await_literal();
  } else if (!shared.conversation.login_by_sasl()) {
    shared.conversation.login_sent();
  }
}

void StrictReader::go_on(FilterState& shared) {
  if (parts_.empty() || shared.violation) {
    return;
  }
  switch (shared.conversation.turn()) {
    case Turn::AwaitLeave:
    case Turn::AwaitLiteral:
      return;
    case Turn::SendLiteral:
      send_part(shared);
      return;
    default:  // the server has answered before it had the whole command
      parts_.clear();
      return;
  }
}

void StrictReader::let_login_go(FilterState& shared) {
  if (shared.conversation.turn() == Turn::AwaitLeave) {
    send_login(shared);
  }
}

// ---- ID and refusals

void StrictReader::id(const CommandHead& head, std::string_view line, FilterState& shared) {
  const auto edited = edit_id(line.substr(head.length));
  if (!edited) {
    refuse(head.tag, CommandRefusal::Id, shared);
    return;
  }
  if (edited->dropped > 0) {
    shared.conversation.observer().on_id_fields_dropped(edited->dropped);
  }
  shared.conversation.sent(head.tag, head.command);
  shared.to_server.put(as_bytes(std::string(line.substr(0, head.length)) + edited->arguments));
}

void StrictReader::refuse(std::string_view tag, CommandRefusal reason, FilterState& shared) {
  if (++shared.refusals > shared.limits.refusals) {
    shared.violate(Violation::TooManyRefusals, kReadingCommand);
    return;
  }
  shared.conversation.observer().on_command_refused(reason);
  std::string reply(is_echoable_tag(tag) ? tag : "*");
  reply.append(" BAD ").append(text_of(reason)).append("\r\n");
  shared.reply(reply);
}

}  // namespace postern::imap
