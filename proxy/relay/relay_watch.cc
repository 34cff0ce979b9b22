// How a relay finds out that a client is gone or a session stands still: it looks every kLookMs
// while it has a reason.
#include <memory>

#include "proxy/relay/relay.h"

namespace postern {
namespace {

// Looks at which nothing has moved.
constexpr unsigned kGoneLooks = 2;
// Six seconds, for the answers to a client that has said too much.
constexpr unsigned kLastLooks = 4;
constexpr unsigned kStillLooks = Relay::kHalfClosedMs / Relay::kLookMs;

}  // namespace

void Relay::look_soon() {
  if (!armed()) {
    arm(loop_.deadlines(), kLookMs);
  }
}

Relay::Watch& Relay::watch() {
  if (watch_ == nullptr) {
    watch_ = std::make_unique<Watch>();
  }
  return *watch_;
}

void Relay::on_deadline() {
  const bool half = client_ended_ || to_backend_.lost || to_client_.lost;
  if (client_reading_ && !half) {
    watch_.reset();
    return;
  }
  if (client_failed_ && end_with_client()) {
    return;
  }
  if (bye_reason_ == EndReason::ClientViolation && ++watch().looks >= kLastLooks) {
    end_now(EndReason::ClientViolation, bye_, watch().error);
    return;
  }
  const unsigned still = look();
  const bool waits = !client_reading_ || !undecided_.empty() || backend_.queued() > 0;
  const bool gone = client_failed_ || (waits && client_.hung_up());
  const bool over = client_ended_ && nothing_owed();
  if ((gone || over) && still >= kGoneLooks) {
    end_without_client({});
  } else if (half && still >= kStillLooks) {
    end_without_backend(EndReason::BackendFailed, watch().error);
  } else {
    look_soon();
  }
}

// All is with the server, which has answered all, and has had the client's end: what it may still
// say is a last word, and that is awaited for some seconds.
bool Relay::nothing_owed() const {
  return undecided_.empty() && delayed_ == nullptr && backend_.queued() == 0 &&
         filter_.nothing_owed();
}

// At how many looks in a row nothing had moved, this one included.
unsigned Relay::look() {
  Watch& seen = watch();
  const uint64_t passed = bytes_from_client_ + to_backend_.bytes + to_client_.bytes;
  const size_t to_client = client_.owed();
  const size_t to_backend = backend_.owed();
  const bool moved =
      passed != seen.passed || to_client < seen.to_client || to_backend < seen.to_backend;
  seen.still = moved ? 0 : seen.still + 1;
  seen.passed = passed;
  seen.to_client = to_client;
  seen.to_backend = to_backend;
  return seen.still;
}

}  // namespace postern
