#include "proxy/imap/client_reader.h"

#include <algorithm>

#include "proxy/imap/id_edit.h"
#include "proxy/imap/login_name.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

constexpr const char* kReading = "reading the client's command";

// The first words of a client's line. Words are found laxly (any number of spaces between them, a
// name that ends at the first odd byte), and whether they stand as the grammar has it is noted:
// where they do, all servers find the same words, and answer under this tag.
struct CommandHead {
  bool decided = false;
  bool spaced = false;  // with one space between the words, and nothing odd before or behind them
  bool blank = false;   // there are no words
  std::string_view tag;
  size_t length = 0;  // up to the end of the name, or of the mechanism
  Command command = Command::Other;
  Mechanism mechanism = Mechanism::Login;

  bool is_strict() const { return spaced && is_unambiguous_tag(tag); }
};

std::string_view take_name(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && is_atom_char(rest[end])) {
    ++end;
  }
  const std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end);
  return name;
}

CommandHead parse_command_head(std::string_view line) {
  CommandHead head;
  const size_t size = line.size();
  const bool indented = skip_spaces(line) > 0;
  head.tag = take_word(line);
  const size_t spaces = skip_spaces(line);
  const std::string_view name = take_name(line);
  if (line.empty() || line == "\r") {
    return head;  // what there is may be only part of the name, or of the line's end
  }
  head.blank = !indented && head.tag.empty() && name.empty() &&
               (line.starts_with("\r\n") || line.front() == '\n');
  head.spaced = !indented && spaces == 1 && !name.empty();
  head.command = command_named(name);
  if (head.command == Command::Authenticate) {
    const bool one_space = skip_spaces(line) == 1;
    const std::string_view mechanism = take_name(line);
    if (line.empty()) {
      return head;
    }
    head.mechanism = mechanism_named(mechanism);
    head.spaced = head.spaced && one_space && !mechanism.empty();
  }
  head.spaced = head.spaced && (line.front() == ' ' || is_line_end(line.front()));
  head.decided = true;
  head.length = size - line.size();
  return head;
}

// A tag that no tagged response can carry: the server can only answer with "* BAD".
bool is_answerable(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag && tag != "*" && tag.front() != '+';
}

enum class Match { No, Partly, Whole };

// "DONE" and a line end; `used` is how long that is (RFC 2177).
Match match_done(std::string_view text, size_t& used) {
  constexpr std::string_view kDone = "DONE";
  const size_t common = std::min(text.size(), kDone.size());
  used = kDone.size();
  if (!same_word(text.substr(0, common), kDone.substr(0, common))) {
    return Match::No;
  }
  used += text.size() > used && text[used] == '\r' ? 1 : 0;
  if (text.size() <= used) {
    return Match::Partly;
  }
  return text[used++] == '\n' ? Match::Whole : Match::No;
}

}  // namespace

size_t ClientReader::feed(Bytes bytes, FilterShared& shared) {
  if (shared.conversation.take_literal_refusal()) {
    scanner_.abandon_line();
  }
  Passage passage(bytes, shared.to_server);
  while (!passage.done() && !shared.violation && !shared.conversation.stalled()) {
    step(passage, shared);
  }
  passage.flush();
  return passage.taken();
}

void ClientReader::step(Passage& passage, FilterShared& shared) {
  Conversation& conversation = shared.conversation;
  if (conversation.opaque()) {
    passage.pass(passage.rest().size());
  } else if (scanner_.literal_left() > 0) {
    const size_t count = scanner_.read_literal(passage.rest().size());
    if (LoginName* name = conversation.login_name()) {
      name->literal(passage.rest().first(count));
    }
    if (line_ == Line::Id) {
      held_.append(as_text(passage.rest().first(count)));
    }
    line_ == Line::Command ? passage.pass(count) : passage.drop(count);
  } else if (!scanner_.at_line_start()) {
    rest_of_line(passage, shared);
  } else if (conversation.turn() == Conversation::Turn::SaslLine) {
    line_ = Line::Sasl;
    rest_of_line(passage, shared);
  } else if (conversation.turn() == Conversation::Turn::Idle) {
    idle_line(passage, shared);
  } else {
    command_head(passage, shared);
  }
}

void ClientReader::command_head(Passage& passage, FilterShared& shared) {
  Conversation& conversation = shared.conversation;
  if (conversation.in_flight() >= shared.limits.pending_commands) {
    conversation.before_login() ? shared.violate(Violation::TooManyPending, kReading)
                                : conversation.block();
    return;
  }
  const std::string_view start = line_start(held_, passage, kMaxHead).substr(0, kMaxHead);
  const CommandHead head = parse_command_head(start);
  if (!head.decided) {
    if (start.size() >= kMaxHead) {
      shared.violate(Violation::LineTooLong, kReading);
    } else if (held_.empty()) {
      hold_rest(held_, passage);
    }
    return;
  }
  line_ = Line::Command;
  const bool login = head.command == Command::Login || head.command == Command::Authenticate;
  if (head.command == Command::StartTls) {
    shared.conversation.starttls_refused();
    refuse(head.tag, "TLS is active already", shared);
  } else if (conversation.before_login() && !head.is_strict() && !head.blank) {
    // What one server takes for a login and another does not, or answers under no tag, would be a
    // guess that nobody counts.
    refuse(head.tag, "Malformed command", shared);
  } else if (login && conversation.find(head.tag) != Conversation::kUnknown) {
    refuse(head.tag, "Tag is in use", shared);  // it would not be clear which answer is the login's
  } else if (head.command == Command::Id) {
    line_ = Line::Id;
    held_.empty() ? hold_id(passage, shared) : read_id(as_bytes(held_), shared);
    return;
  } else if (is_answerable(head.tag)) {
    conversation.begin(head.tag, head.command, head.mechanism);
    if (LoginName* name = conversation.login_name()) {
      name->skip(head.length);
    }
  }
  if (shared.violation) {
    return;
  }
  if (!held_.empty()) {
    const size_t good = read_line(as_bytes(held_), shared);
    if (line_ != Line::Refused) {
      passage.insert(std::string_view(held_).substr(0, good));
    }
    release(held_);
  } else {
    rest_of_line(passage, shared);
  }
}

// The answer is made here, where the tag is known; it goes out when the command has ended, or
// later.
void ClientReader::refuse(std::string_view tag, std::string_view why, FilterShared& shared) {
  line_ = Line::Refused;
  ++shared.refusals_waiting;
  if (shared.conversation.before_login()) {
    ++shared.refusals_before_login;
  }
  if (shared.refusals_waiting > shared.limits.refusals ||
      (shared.conversation.before_login() &&
       shared.refusals_before_login > shared.limits.refusals)) {
    shared.violate(Violation::TooManyRefusals, kReading);
    return;
  }
  shared.refusal_open = true;
  shared.refusals.append(is_echoable_tag(tag) ? tag : "*");
  shared.refusals.append(" BAD ").append(why).append("\r\n");
}

// ID is held until all of it is here: a server must not begin to read what may be refused at its
// end.
void ClientReader::hold_id(Passage& passage, FilterShared& shared) {
  const Bytes rest = passage.rest();
  const Bytes piece = rest.first(std::min(as_text(rest).find('\n'), rest.size() - 1) + 1);
  held_.append(as_text(piece));
  passage.drop(piece.size());
  read_id(piece, shared);
}

// `piece` is the end of what is held, or all of it.
void ClientReader::read_id(Bytes piece, FilterShared& shared) {
  if (held_.size() > shared.limits.id_command) {
    refuse_id(shared);
  }
  if (!shared.violation) {
    read_line(piece, shared);
  }
  if (line_ != Line::Id || scanner_.at_line_start()) {
    release(held_);
  }
}

void ClientReader::pass_id(FilterShared& shared) {
  const CommandHead head = parse_command_head(held_);
  const std::string_view start = std::string_view(held_).substr(0, head.length);
  const auto edited = edit_id(std::string_view(held_).substr(head.length));
  if (!edited) {
    refuse_id(shared);
    return;
  }
  if (is_answerable(head.tag)) {
    shared.conversation.begin(head.tag, head.command, head.mechanism);
  }
  if (edited->dropped > 0) {
    shared.conversation.id_fields_dropped(edited->dropped);
  }
  shared.to_server.put(as_bytes(std::string(start) + edited->arguments));
}

void ClientReader::refuse_id(FilterShared& shared) {
  refuse(parse_command_head(held_).tag, "ID is malformed, too long, or waits for a literal",
         shared);
}

// Nothing but DONE is taken until IDLE is answered: a server reads any other line as a broken end
// of IDLE, or, if it has refused or ended IDLE, as a command, and we cannot know which.
void ClientReader::idle_line(Passage& passage, FilterShared& shared) {
  size_t used = 0;
  if (held_.empty() && match_done(as_text(passage.rest()), used) == Match::Whole) {
    passage.pass(used);
    shared.conversation.done();
    return;
  }
  held_.push_back(static_cast<char>(passage.rest().front()));
  const Match match = match_done(held_, used);
  if (match == Match::No) {
    held_.pop_back();
    shared.conversation.block();
    return;
  }
  passage.drop(1);
  if (match == Match::Whole) {
    passage.insert(held_);
    release(held_);
    shared.conversation.done();
  }
}

void ClientReader::rest_of_line(Passage& passage, FilterShared& shared) {
  if (line_ == Line::Id) {
    hold_id(passage, shared);
    return;
  }
  const size_t good = read_line(passage.rest(), shared);
  line_ == Line::Refused ? passage.drop(good) : passage.pass(good);
}

// Reads on in the current line; returns how many bytes of `piece` belong to it and are in order.
size_t ClientReader::read_line(Bytes piece, FilterShared& shared) {
  Bytes window = piece;
  if (shared.conversation.before_login()) {
    const size_t limit = shared.limits.line_before_login;
    const auto read = static_cast<size_t>(std::min<uint64_t>(scanner_.line_length(), limit));
    window = piece.first(std::min(piece.size(), limit - read));
  }
  const Line kind = line_;
  size_t used = 0;
  const Scanner::Found found = scanner_.read_line(
      window, kind == Line::Sasl ? Scanner::Marks::Ignore : Scanner::Marks::Check, used);
  if (LoginName* name = shared.conversation.login_name()) {
    kind == Line::Sasl ? name->response(window.first(used)) : name->line(window.first(used));
  }
  switch (found) {
    case Scanner::Found::Nothing:
      if (used < piece.size()) {
        shared.violate(Violation::LineTooLong, kReading);
      }
      return used;
    case Scanner::Found::LineEnd:
      line_ended(shared);
      return used;
    case Scanner::Found::Literal:
      literal_found(shared);
      return shared.violation ? used - 1 : used;
    case Scanner::Found::BadLiteral:
      shared.violate(Violation::BadLiteral, kReading);
      return used - 1;
  }
  return used;
}

void ClientReader::literal_found(FilterShared& shared) {
  if (shared.conversation.before_login() &&
      scanner_.literal_left() > shared.limits.literal_before_login) {
    shared.violate(Violation::LiteralTooLong, kReading);
    return;
  }
  if (line_ == Line::Id && (scanner_.synchronising() ||
                            scanner_.literal_left() > shared.limits.id_command - held_.size())) {
    refuse_id(shared);
  }
  if (shared.violation || !scanner_.synchronising()) {
    return;  // its bytes follow at once
  }
  if (line_ == Line::Refused || !shared.conversation.await_literal()) {
    scanner_.abandon_line();  // refused before it was sent
    line_ended(shared);
  }
}

void ClientReader::line_ended(FilterShared& shared) {
  if (line_ == Line::Id) {
    pass_id(shared);
  }
  if (shared.violation) {
    return;
  }
  switch (line_) {
    case Line::Sasl:
      shared.conversation.sasl_line();
      break;
    case Line::Refused:
      shared.refusal_open = false;
      if (shared.at_boundary) {
        if (const std::string refusals = shared.take_refusals(); !refusals.empty()) {
          shared.to_client.put(as_bytes(refusals));
        }
      }
      break;
    case Line::Command:
    case Line::Id:
      shared.conversation.end();
      break;
  }
}

}  // namespace postern::imap
