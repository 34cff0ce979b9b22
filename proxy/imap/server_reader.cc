#include "proxy/imap/server_reader.h"

#include <algorithm>
#include <optional>

#include "proxy/imap/capability_edit.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Kind = ServerHead::Kind;
using Condition = ServerHead::Condition;

constexpr const char* kReading = "reading the server's response";
constexpr const char* kGreeting = "reading the server's greeting";

}  // namespace

void ServerReader::feed(Bytes bytes, FilterShared& shared) {
  Passage passage(bytes, shared.to_client);
  while (!passage.done() && !shared.violation) {
    step(passage, shared);
    shared.at_boundary = at_boundary();
    if (shared.at_boundary && !shared.refusals.empty() && !shared.violation) {
      passage.insert(shared.take_refusals());
    }
    if (shared.stopped()) {
      break;
    }
  }
  passage.flush();
  shared.at_boundary = at_boundary();
}

void ServerReader::step(Passage& passage, FilterShared& shared) {
  if (shared.conversation.opaque()) {
    passage.pass(passage.rest().size());
  } else if (scanner_.literal_left() > 0) {
    passage.pass(scanner_.read_literal(passage.rest().size()));
  } else if (!scanner_.at_line_start()) {
    rest_of_line(passage, shared);
  } else if (line_ == Line::Edit) {
    capability_line(passage, shared);
  } else {
    line_head(passage, shared);
  }
}

void ServerReader::line_head(Passage& passage, FilterShared& shared) {
  const ServerHead head = parse_server_head(line_start(held_, passage, kMaxHead));
  if (head.kind == Kind::Undecided) {
    if (held_.empty()) {
      hold_rest(held_, passage);
    }
    return;
  }
  shared.conversation.phase() == Phase::Greeting ? begin_greeting(head, shared)
                                                 : begin_line(head, shared);
  if (shared.violation) {
    release(held_);  // the client has seen nothing of this line
    return;
  }
  if (line_ == Line::Edit) {
    capability_line(passage, shared);
  } else if (held_.empty()) {
    rest_of_line(passage, shared);
  } else {
    held_line(passage, shared);
  }
}

void ServerReader::begin_greeting(const ServerHead& head, FilterShared& shared) {
  if (head.kind != Kind::Status || head.tagged || head.condition == Condition::No ||
      head.condition == Condition::Bad) {
    shared.violate(Violation::NotImap, kGreeting);
    return;
  }
  if (shared.swallow_greeting) {
    line_ = Line::Swallow;
  } else {
    line_ = head.has_capabilities() ? Line::Edit : Line::Text;
  }
  meaning_ = head.condition == Condition::Ok        ? Meaning::Greeting
             : head.condition == Condition::Preauth ? Meaning::Preauth
                                                    : Meaning::Bye;
}

void ServerReader::begin_line(const ServerHead& head, FilterShared& shared) {
  line_ = head.has_capabilities() ? Line::Edit : Line::Text;
  meaning_ = Meaning::None;
  if (head.kind == Kind::Continuation) {
    meaning_ = Meaning::Continuation;
  } else if (head.kind == Kind::Data) {
    line_ = Line::Data;
  } else if (head.kind == Kind::Status && head.tagged) {
    meaning_ = Meaning::Answer;
    position_ = shared.conversation.find(head.tag);
    answer_ = head.condition == Condition::Ok ? Answer::Ok : answer_of_refusal(head.code);
  } else if (head.kind == Kind::Status && head.condition == Condition::Bye) {
    meaning_ = Meaning::Bye;
  }
}

// Capability data is short and rare: the whole line is looked at, in place if it is all here.
void ServerReader::capability_line(Passage& passage, FilterShared& shared) {
  const std::string_view rest = as_text(passage.rest());
  const bool complete_before = !held_.empty() && held_.back() == '\n';
  const size_t newline = complete_before ? std::string_view::npos : rest.find('\n');
  const bool complete = complete_before || newline != std::string_view::npos;
  const size_t count = complete_before ? 0 : std::min(newline, rest.size() - 1) + 1;
  if (held_.size() + count > shared.limits.capability_line) {
    shared.violate(Violation::BackendLineTooLong, kReading);
    release(held_);
    return;
  }
  if (held_.empty() && complete) {
    const std::optional<std::string> edited = hide_capabilities(rest.substr(0, count));
    if (edited) {
      passage.drop(count);
      passage.insert(*edited);
    } else {
      passage.pass(count);
    }
    line_ended(shared);
    return;
  }
  held_.append(rest.substr(0, count));
  passage.drop(count);
  if (complete) {
    passage.insert(hide_capabilities(held_).value_or(held_));
    release(held_);
    line_ended(shared);
  }
}

void ServerReader::held_line(Passage& passage, FilterShared& shared) {
  const bool swallow = line_ == Line::Swallow;
  const size_t good = read_line(as_bytes(held_), shared);
  if (!swallow) {
    passage.insert(std::string_view(held_).substr(0, good));
  }
  release(held_);
}

void ServerReader::rest_of_line(Passage& passage, FilterShared& shared) {
  const bool swallow = line_ == Line::Swallow;
  const size_t good = read_line(passage.rest(), shared);
  swallow ? passage.drop(good) : passage.pass(good);
}

// Reads on in the current line; returns how many bytes of `piece` belong to it and are in order.
size_t ServerReader::read_line(Bytes piece, FilterShared& shared) {
  size_t used = 0;
  const Scanner::Found found = scanner_.read_line(
      piece, line_ == Line::Data ? Scanner::Marks::Heed : Scanner::Marks::Ignore, used);
  if (found == Scanner::Found::BadLiteral) {
    shared.violate(Violation::BadLiteral, kReading);
    return used - 1;
  }
  if (found == Scanner::Found::LineEnd) {
    line_ended(shared);
  }
  return used;
}

void ServerReader::line_ended(FilterShared& shared) {
  Conversation& conversation = shared.conversation;
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
    case Meaning::Answer:
      conversation.answered(position_, answer_);
      break;
  }
  meaning_ = Meaning::None;
  line_ = Line::Text;
}

}  // namespace postern::imap
