#include "proxy/imap/internal/client_reader.h"

#include <algorithm>

#include "proxy/imap/command.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Turn = Conversation::Turn;

bool takes_at_once(const FilterState& shared, uint64_t size) {
  return shared.literal_plus == LiteralPlus::Any ||
         (shared.literal_plus == LiteralPlus::Small && size <= kMaxSmallLiteral);
}

}  // namespace

size_t ClientReader::feed(Bytes bytes, FilterState& shared) {
  Conversation& conversation = shared.conversation;
  if (conversation.take_literal_refusal() ||
      (!conversation.sure() && scanner_.literal_left() > 0)) {
    scanner_.abandon_line();
  }
  size_t taken = 0;
  while (taken < bytes.size() && !conversation.stalled()) {
    taken += step(bytes.subspan(taken), shared);
  }
  conversation.set_line_start(scanner_.at_line_start());
  if (taken > 0) {
    shared.to_server.put(bytes.first(taken));
  }
  return taken;
}

size_t ClientReader::step(Bytes bytes, FilterState& shared) {
  if (shared.conversation.opaque()) {
    return bytes.size();
  }
  if (scanner_.literal_left() > 0 || shared.conversation.turn() == Turn::AwaitLiteral) {
    return literal(bytes, shared);
  }
  return line(bytes, shared);
}

size_t ClientReader::literal(Bytes bytes, FilterState& shared) {
  if (shared.conversation.turn() == Turn::AwaitLiteral) {
    lose_track(shared.conversation);  // the client has not waited for "+"
    return 0;
  }
  return scanner_.read_literal(bytes.size());
}

size_t ClientReader::line(Bytes bytes, FilterState& shared) {
  Conversation& conversation = shared.conversation;
  if (scanner_.at_line_start()) {
    begin_line(bytes, conversation);
    if (conversation.opaque()) {
      return bytes.size();
    }
  }
  const auto marks = line_ == Line::IdleEnd ? Scanner::Marks::Ignore : Scanner::Marks::Doubt;
  size_t used = 0;
  const Scanner::Found found = scanner_.read_line(bytes, marks, used);
  if (line_ == Line::Unread) {
    head(as_text(bytes.first(used)), found != Scanner::Found::Nothing, conversation);
  }
  switch (found) {
    case Scanner::Found::Nothing:
      break;
    case Scanner::Found::LineEnd:
      line_ended(conversation);
      break;
    case Scanner::Found::Literal:
      literal_announced(shared);
      break;
    case Scanner::Found::BadLiteral:
      lose_track(conversation);
      break;
  }
  return used;
}

// A security layer prefixes each of its buffers with a length of four octets, the first of which is
// 0 (RFC 4422 §3.7); no IMAP line begins with it.
void ClientReader::begin_line(Bytes bytes, Conversation& conversation) {
  if (conversation.layer_possible()) {
    bytes.front() == 0 ? conversation.claim_layer() : conversation.first_line_in_clear();
  }
  line_ = conversation.turn() == Turn::Idle && conversation.idling() ? Line::IdleEnd : Line::Unread;
}

// `piece` continues where head_ ends.
void ClientReader::head(std::string_view piece, bool complete, Conversation& conversation) {
  std::string_view start = piece;
  if (!head_.empty() || !complete) {
    head_.append(piece.substr(0, kMaxHead - std::min(kMaxHead, head_.size())));
    start = head_;
  }
  const CommandHead found = parse_command_head(start);
  if (!found.decided && start.size() < kMaxHead) {
    return;
  }
  line_ = Line::Command;
  if (conversation.turn() == Turn::Idle) {
    // The client has not waited for the "+". DONE ends the IDLE as if it had; anything else is a
    // command to a server that refuses IDLE, and a broken DONE to others.
    if (is_done(start) || conversation.idling()) {
      line_ = Line::IdleEnd;
    } else {
      conversation.lose_track();
    }
  }
  if (line_ == Line::Command && found.decided) {
    begin_command(found, conversation);
  }
  if (!head_.empty()) {
    std::string().swap(head_);
  }
}

// A line that a server may not read as a command is answered without a tag, or not at all.
void ClientReader::begin_command(const CommandHead& found, Conversation& conversation) {
  takes_literals_ = found.strict && takes_literals(found.command);
  if (!found.strict) {
    conversation.lose_track();
  }
  if (found.strict || (found.named && is_answerable(found.tag))) {
    conversation.begin(found.tag, found.command);
  }
}

void ClientReader::literal_announced(FilterState& shared) {
  Conversation& conversation = shared.conversation;
  const bool may_follow = conversation.sure() && takes_literals_ && !scanner_.doubtful();
  const bool follows =
      may_follow && (scanner_.synchronising() || takes_at_once(shared, scanner_.literal_left()));
  if (!follows) {
    lose_track(conversation);
  } else if (scanner_.synchronising()) {
    conversation.announce_literal();
  }
}

void ClientReader::line_ended(Conversation& conversation) {
  if (line_ == Line::IdleEnd) {
    conversation.done();
  } else {
    conversation.end_command();
  }
}

// From here on each line may be a command.
void ClientReader::lose_track(Conversation& conversation) {
  scanner_.abandon_line();
  conversation.lose_track();
}

}  // namespace postern::imap
