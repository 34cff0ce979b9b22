// How a session takes leave of its client: the last words are on their way, and it shall hang up.
#include <memory>
#include <utility>

#include "proxy/session/messages.h"
#include "proxy/session/session.h"

namespace postern {
namespace {

// How long a client that has got the last words may take to hang up, and how long one that is still
// owed some may go without taking any. The latter is looked at by and by.
constexpr uint64_t kLingerMs = 10'000;
constexpr uint64_t kStillMs = 60'000;
constexpr uint64_t kLookMs = 2'000;

}  // namespace

void Session::start_closing(EndReason reason, std::string_view bye) {
  release_resources(reason);
  enter(State::Closing);
  owed_ = std::make_unique<Owed>();
  if (dialer_ != nullptr) {
    dialer_->cancel();
    loop().retire(std::move(dialer_));
  }
  leave_backend();
  client().observe(*this);
  client().resume();  // to see it hang up; what it still says is dropped
  owed_->bytes = client().write(as_bytes(bye));
  client().finish();
  wait_for_client(client_ended() ? kLookMs : kLingerMs);
  close_if_heard();
}

// On its side only, perhaps: what it asked for is still on its way.
void Session::hear_end() {
  hung_up_ = true;
  wait_for_client(kLookMs);
  close_if_heard();
}

// A client that has ended its own side sends no more that could tell us. Its connection stays ours
// until its kernel has all: of one without an owner Linux drops the tail when it is short of memory
// (tcp_max_orphans, tcp_mem).
void Session::close_if_heard() {
  if (client_ended() && client().owed() == 0) {
    close(*reason_);
  }
}

void Session::wait_for_client(uint64_t wait_ms) {
  owed_->waited_ms = wait_ms;
  arm_until(loop().now_ms() + wait_ms);
}

// What is owed may take as long as the client goes on taking of it.
void Session::check_owed() {
  const size_t bytes = client().owed();
  const bool got_all = bytes == 0 && (client_ended() || owed_->bytes == 0);
  owed_->still_ms = bytes < owed_->bytes ? 0 : owed_->still_ms + owed_->waited_ms;
  owed_->bytes = bytes;
  if (got_all || owed_->still_ms >= kStillMs) {
    close(*reason_);
  } else {
    wait_for_client(bytes > 0 ? kLookMs : kLingerMs);
  }
}

// Read they must be: a connection that is closed over unread bytes is reset, and its client may
// lose what it has not read itself.
void Session::drop_last_bytes(size_t count) {
  owed_->dropped += count;
  if (owed_->dropped > (logged_in_ ? kDroppedAfterLogin : kDroppedBeforeLogin)) {
    close(*reason_);
  }
}

// ---- stopping

void Session::drain() {
  draining_ = true;
  switch (state_) {
    case State::Greeting:
    case State::Connecting:
      start_closing(EndReason::Drained, kStopping);
      return;
    case State::Relaying:
      relay_->bye_at(imap::Stop::AtRest, EndReason::Drained, kStopping);
      return;
    case State::Identifying:  // told in welcome() or secured(), when it can be heard
    case State::Handshaking:
    case State::Closing:
    case State::Closed:
      return;
  }
}

void Session::hasten() {
  if (state_ == State::Relaying) {
    relay_->bye_at(imap::Stop::AtBoundary, EndReason::Drained, kStopping);
  }
}

void Session::cut() {
  if (state_ == State::Relaying) {
    relay_->end_now(EndReason::Aborted, kStopping);
  }
  close(EndReason::Aborted);
}

}  // namespace postern
