#include "proxy/relay/lingering_close.h"

#include <utility>

namespace postern {
namespace {

// How long a client that has got the last words may take to hang up.
constexpr uint64_t kLingerMs = 10'000;
// How long a client that is still owed some may go without taking any, and how often that is looked
// at.
constexpr uint64_t kStillMs = 60'000;
constexpr uint64_t kLookMs = 2'000;

}  // namespace

LingeringClose::LingeringClose(net::Loop& loop, std::unique_ptr<net::Stream> client,
                               size_t may_drop, LingeringCloseObserver& observer)
    : loop_(loop), client_(std::move(client)), observer_(observer), may_drop_(may_drop) {}

void LingeringClose::start(std::string_view last_words, bool ended) {
  ended_ = ended;
  client_->observe(*this);
  client_->resume();  // to see the client hang up
  owed_ = client_->write(as_bytes(last_words));
  client_->finish();
  wait(ended_ ? kLookMs : kLingerMs);
  finish_if_heard();
}

void LingeringClose::start_after(uint64_t delay_ms, std::string_view last_words) {
  later_ = last_words;
  client_->observe(*this);
  client_->resume();
  arm(loop_.deadlines(), delay_ms);
}

void LingeringClose::hasten() {
  if (!later_.empty()) {
    start(std::exchange(later_, {}), ended_);
  }
}

void LingeringClose::on_bytes(Bytes bytes) {
  hasten();
  dropped_ += bytes.size() + kPiece;
  if (dropped_ > may_drop_) {
    finish();
  }
}

// The client may have ended its own side only: what it asked for is still on its way.
void LingeringClose::on_end() {
  ended_ = true;
  if (!later_.empty()) {
    hasten();
    return;
  }
  wait(kLookMs);
  finish_if_heard();
}

// A client that has ended its side sends nothing more that would show whether it is there. Its
// connection stays ours until its kernel has all: of one without an owner Linux drops the tail when
// it is short of memory (tcp_max_orphans, tcp_mem).
void LingeringClose::finish_if_heard() {
  if (ended_ && client_->owed() == 0) {
    finish();
  }
}

// The tail may take as long as the client goes on taking some of it.
void LingeringClose::on_deadline() {
  if (!later_.empty()) {
    hasten();
    return;
  }
  const size_t bytes = client_->owed();
  const bool heard = bytes == 0 && (ended_ || owed_ == 0);
  still_ms_ = bytes < owed_ ? 0 : still_ms_ + waited_ms_;
  owed_ = bytes;
  if (heard || still_ms_ >= kStillMs) {
    finish();
  } else {
    wait(bytes > 0 ? kLookMs : kLingerMs);
  }
}

void LingeringClose::wait(uint64_t ms) {
  waited_ms_ = ms;
  arm(loop_.deadlines(), ms);
}

void LingeringClose::finish() {
  cancel();
  observer_.on_client_left();
}

void LingeringClose::cancel() {
  disarm();
  client_->abort();
}

}  // namespace postern
