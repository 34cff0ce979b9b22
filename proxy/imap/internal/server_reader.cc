#include "proxy/imap/internal/server_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/imap/capability_edit.h"
#include "proxy/imap/internal/server_words.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Kind = ServerHead::Kind;
using Condition = ServerHead::Condition;

constexpr const char* kReadingResponse = "reading the server's response";
constexpr const char* kGreeting = "reading the server's greeting";

// Of a tagged answer.
CommandResult result_of(Condition condition) {
  switch (condition) {
    case Condition::Ok:
      return CommandResult::Ok;
    case Condition::No:
      return CommandResult::No;
    default:
      return CommandResult::Bad;
  }
}

LiteralPlus literal_plus_of(const Capabilities& capabilities) {
  if (capabilities.literal_plus) {
    return LiteralPlus::Any;
  }
  return capabilities.literal_minus ? LiteralPlus::Small : LiteralPlus::None;
}

}  // namespace

size_t ServerReader::feed(Bytes bytes, FilterState& shared) {
  EditCursor cursor(bytes, shared.to_client);
  while (!cursor.done() && !shared.violation) {
    step(cursor, shared);
    shared.at_boundary = at_boundary();
    if (shared.at_boundary && shared.replies != nullptr && !shared.violation) {
      cursor.insert(shared.take_replies());
    }
    if (shared.stopped() || shared.conversation.turn() == Conversation::Turn::SendLiteral) {
      break;
    }
  }
  cursor.flush();
  return cursor.taken();
}

void ServerReader::end(FilterState& shared) {
  if (!held_.empty() && line_ != Line::Whole && !shared.conversation.before_login() &&
      !shared.violation && !shared.stopped()) {
    shared.to_client.put(as_bytes(held_));
    release(held_);
  }
}

void ServerReader::step(EditCursor& cursor, FilterState& shared) {
  if (shared.conversation.opaque()) {
    cursor.pass(cursor.rest().size());
  } else if (scanner_.literal_left() > 0) {
    cursor.pass(scanner_.read_literal(cursor.rest().size()));
  } else if (!scanner_.at_line_start()) {
    rest_of_line(cursor, shared);
  } else if (line_ == Line::Whole) {
    whole_line(cursor, shared);
  } else {
    line_head(cursor, shared);
  }
}

void ServerReader::line_head(EditCursor& cursor, FilterState& shared) {
  // No IMAP line begins with 0, but the length of a security layer's buffer does (RFC 4422 §3.7).
  if (shared.conversation.layer_possible() && held_.empty()) {
    if (cursor.rest().front() == 0) {
      shared.conversation.layer_begun();
      return;
    }
    shared.conversation.no_layer();
  }
  const std::string_view line = line_start(held_, cursor, kMaxHead);
  const ServerHead head = parse_server_head(line);
  if (head.kind == Kind::Undecided) {
    if (held_.empty()) {
      hold_rest(held_, cursor);
    }
    return;
  }
  shared.conversation.phase() == Phase::Greeting ? begin_greeting(head, shared)
                                                 : begin_line(head, line, shared);
  if (shared.violation) {
    release(held_);  // the client has seen nothing of this line
    return;
  }
  if (line_ == Line::Whole) {
    whole_line(cursor, shared);
  } else if (held_.empty()) {
    rest_of_line(cursor, shared);
  } else {
    held_line(cursor, shared);
  }
}

void ServerReader::begin_greeting(const ServerHead& head, FilterState& shared) {
  if (head.kind != Kind::Status || head.tagged || head.condition == Condition::No ||
      head.condition == Condition::Bad) {
    shared.violate(Violation::NotImap, kGreeting);
    return;
  }
  if (shared.swallow_greeting) {
    line_ = Line::Swallow;
  } else {
    line_ = head.has_capabilities() ? Line::Whole : Line::Text;
  }
  meaning_ = head.condition == Condition::Ok        ? Meaning::Greeting
             : head.condition == Condition::Preauth ? Meaning::Preauth
                                                    : Meaning::Bye;
}

// BAD says that the server has not understood or not accepted a command: it has judged no secret.
LoginResult ServerReader::answer_of(const ServerHead& head) {
  if (head.condition == Condition::Ok) {
    return LoginResult::Success;
  }
  const bool unread =
      head.condition == Condition::Bad && !same_word(head.code, "AUTHENTICATIONFAILED");
  const LoginResult result = result_of_refusal(head.code);
  return unread && result == LoginResult::Failure ? LoginResult::Unsupported : result;
}

// If the gateway has made a literal of a LOGIN's string, the "+" for it is not the client's.
ServerReader::Line ServerReader::continuation_line(const Conversation& conversation) {
  if (conversation.before_login() && conversation.turn() == Conversation::Turn::AwaitLiteral) {
    return Line::Swallow;
  }
  return conversation.wants_challenge() ? Line::Whole : Line::Text;
}

void ServerReader::begin_line(const ServerHead& head, std::string_view line, FilterState& shared) {
  line_ = head.has_capabilities() ? Line::Whole : Line::Text;
  meaning_ = Meaning::None;
  // Stalwart answers a LOGIN with a revoked password so, and says BYE a minute later.
  refusal_ =
      head.kind == Kind::Status && !head.tagged && same_word(head.code, "AUTHENTICATIONFAILED");
  if (head.kind == Kind::Continuation) {
    meaning_ = Meaning::Continuation;
    line_ = continuation_line(shared.conversation);
  } else if (head.kind == Kind::Data) {
    line_ = Line::Data;
  } else if (head.kind == Kind::Status && head.tagged) {
    meaning_ = Meaning::Answer;
    position_ = shared.conversation.find(head.tag);
    if (position_ == CommandQueue::kNowhere && shared.conversation.before_login() &&
        refuses_proxy_header(head)) {
      shared.violate(Violation::HeaderUnexpected, kReadingResponse);
      return;
    }
    answer_ = answer_of(head);
    result_ = result_of(head.condition);
    if (answer_ == LoginResult::Unavailable && shared.conversation.login_begun()) {
      shared.conversation.observer().on_server_trouble(head.code, words_of_refusal(line));
    }
  } else if (head.kind == Kind::Status && head.condition == Condition::Bye) {
    meaning_ = Meaning::Bye;
  } else if (head.kind == Kind::Status && head.condition == Condition::Bad) {
    meaning_ = Meaning::Bad;
  }
}

// Such a line is short and rare: it is read as a whole, in place if it is complete.
void ServerReader::whole_line(EditCursor& cursor, FilterState& shared) {
  const std::string_view rest = as_text(cursor.rest());
  const bool complete_before = !held_.empty() && held_.back() == '\n';
  const size_t newline = complete_before ? std::string_view::npos : rest.find('\n');
  const bool complete = complete_before || newline != std::string_view::npos;
  const size_t count = complete_before ? 0 : std::min(newline, rest.size() - 1) + 1;
  if (held_.size() + count > shared.limits.capability_line) {
    shared.violate(Violation::BackendLineTooLong, kReadingResponse);
    release(held_);
    return;
  }
  if (held_.empty() && complete) {
    pass_whole(rest.substr(0, count), cursor, shared);
    return;
  }
  held_.append(rest.substr(0, count));
  cursor.drop(count);
  if (complete) {
    pass_whole(held_, cursor, shared);
    release(held_);
  }
}

// `line` begins at the cursor, or is held_.
void ServerReader::pass_whole(std::string_view line, EditCursor& cursor, FilterState& shared) {
  std::optional<std::string> edited;
  if (meaning_ == Meaning::Continuation) {
    std::string_view challenge = without_line_end(line);
    challenge.remove_prefix(1);  // "+"
    skip_spaces(challenge);
    shared.conversation.challenge(challenge);
  } else {
    const std::string_view list = capability_list(line);
    const Capabilities capabilities = read_capabilities(list);
    shared.literal_plus = literal_plus_of(capabilities);
    shared.conversation.offer_compress(capabilities.compress);
    edited = hide_capabilities(line, list);
  }
  if (!held_.empty()) {
    cursor.insert(edited ? *edited : line);
  } else if (edited) {
    cursor.drop(line.size());
    cursor.insert(*edited);
  } else {
    cursor.pass(line.size());
  }
  line_ended(shared);
}

void ServerReader::held_line(EditCursor& cursor, FilterState& shared) {
  const bool swallow = line_ == Line::Swallow;
  const size_t good = read_line(as_bytes(held_), shared);
  if (!swallow) {
    cursor.insert(std::string_view(held_).substr(0, good));
  }
  release(held_);
}

void ServerReader::rest_of_line(EditCursor& cursor, FilterState& shared) {
  const bool swallow = line_ == Line::Swallow;
  const size_t good = read_line(cursor.rest(), shared);
  swallow ? cursor.drop(good) : cursor.pass(good);
}

// Continues the current line; returns how many bytes of `piece` belong to it and are valid.
size_t ServerReader::read_line(Bytes piece, FilterState& shared) {
  size_t used = 0;
  const Scanner::Found found = scanner_.read_line(
      piece, line_ == Line::Data ? Scanner::Marks::Heed : Scanner::Marks::Ignore, used);
  if (found == Scanner::Found::BadLiteral) {
    shared.violate(Violation::BadLiteral, kReadingResponse);
    return used - 1;
  }
  if (found == Scanner::Found::LineEnd) {
    line_ended(shared);
  }
  return used;
}

void ServerReader::line_ended(FilterState& shared) {
  Conversation& conversation = shared.conversation;
  if (refusal_) {
    refusal_ = false;
    conversation.untagged_refusal();
  }
  switch (meaning_) {
    case Meaning::None:
      break;
    case Meaning::Greeting:
    case Meaning::Preauth:
      conversation.greeted(meaning_ == Meaning::Preauth);
      break;
    case Meaning::Bye:
      conversation.bye();
      break;
    case Meaning::Continuation:
      conversation.continuation();
      break;
    case Meaning::Bad:
      conversation.untagged_bad();
      break;
    case Meaning::Answer:
      conversation.answered(position_, result_, answer_);
      if (conversation.overtaken()) {
        shared.violate(Violation::Unauthenticated, kReadingResponse);
      }
      break;
  }
  meaning_ = Meaning::None;
  line_ = Line::Text;
}

}  // namespace postern::imap
