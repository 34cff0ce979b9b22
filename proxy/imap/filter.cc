#include "proxy/imap/filter.h"

#include <string>
#include <utility>

namespace postern::imap {

Filter::Filter(const Options& options, ConversationObserver& observer, Output& to_server,
               Output& to_client)
    : shared_{.limits = options.limits,
              .swallow_greeting = options.swallow_greeting,
              .conversation = Conversation(observer),
              .to_server = to_server,
              .to_client = to_client,
              .violation = {},
              .replies = nullptr} {}

size_t Filter::from_client(Bytes bytes) {
  if (shared_.violation || shared_.deaf) {
    return bytes.size();
  }
  size_t taken = 0;
  if (shared_.conversation.before_login()) {
    if (strict_ == nullptr) {
      strict_ = std::make_unique<StrictReader>(shared_.limits);
    }
    taken = strict_->feed(bytes, shared_);
  } else {
    taken = client_.feed(bytes, shared_);
  }
  return shared_.violation ? bytes.size() : taken;
}

void Filter::from_server(Bytes bytes) {
  if (strict_ == nullptr) {
    if (!shared_.violation && !shared_.stopped()) {
      server_.feed(bytes, shared_);
    }
    return;
  }
  while (!bytes.empty() && !shared_.violation && !shared_.stopped()) {
    bytes = bytes.subspan(server_.feed(bytes, shared_));
    if (!shared_.deaf) {
      strict_->go_on(shared_);
    }
  }
  if (!shared_.conversation.before_login()) {
    leave_strictness();
  }
}

void Filter::let_login_go() {
  if (strict_ != nullptr && !shared_.violation && !shared_.deaf) {
    strict_->let_login_go(shared_);
  }
}

// The reader still holds something only if a server has accepted a login before it had all of the
// command.
void Filter::leave_strictness() {
  std::string rest = std::exchange(strict_, nullptr)->take_rest();
  if (!rest.empty()) {
    if (!shared_.deaf) {
      client_.feed(as_bytes(rest), shared_);
    }
    wipe(rest);
  }
}

bool Filter::await_answers() {
  using Turn = Conversation::Turn;
  const Conversation& conversation = shared_.conversation;
  const Turn turn = conversation.turn();
  if (conversation.in_flight() == 0 || turn == Turn::SaslLine || turn == Turn::AwaitLiteral ||
      turn == Turn::SendLiteral || turn == Turn::AwaitLeave) {
    return false;
  }
  shared_.violation = {};
  shared_.deaf = true;
  stop_at(Stop::AtRest);
  return true;
}

}  // namespace postern::imap
