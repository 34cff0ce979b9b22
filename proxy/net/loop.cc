#include "proxy/net/loop.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/net/without_io_uring.h"

namespace postern::net {
namespace {

template <typename T>
uv_handle_t* as_handle(T* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

void must(int result, const char* claim) {
  check(result == 0, claim);
}

}  // namespace

Loop::Loop() : deadlines_(*this), read_scratch_(std::make_unique<uint8_t[]>(kScratchBytes)) {
  without_io_uring([this] { must(uv_loop_init(&uv_), "a loop can be made"); });
  uv_.data = this;
  must(uv_async_init(&uv_, &mailbox_,
                     [](uv_async_t* mailbox) noexcept {
                       static_cast<Loop*>(mailbox->loop->data)->run_posted();
                     }),
       "a mailbox can be made");

  // With its first TCP handle libuv opens a descriptor in reserve, and tries again with each
  // further one if it cannot, as under seccomp's filter: four system calls a session.
  uv_tcp_t first;
  must(uv_tcp_init(&uv_, &first), "a TCP handle can be made");
  uv_close(as_handle(&first), nullptr);
  uv_run(&uv_, UV_RUN_NOWAIT);

  // These serve the loop and do not keep it going; hold() changes that for before_poll_.
  uv_prepare_init(&uv_, &before_poll_);
  uv_check_init(&uv_, &after_poll_);
  uv_timer_init(&uv_, &tick_timer_);
  uv_unref(as_handle(&before_poll_));
  uv_unref(as_handle(&after_poll_));
  uv_unref(as_handle(&tick_timer_));
  // Deferred work does keep it going: while it waits, there is another turn.
  uv_idle_init(&uv_, &keep_turning_);

  // A turn has two ends: after the timers, before the loop sleeps, and after the events of a poll.
  uv_prepare_start(&before_poll_, [](uv_prepare_t* handle) noexcept {
    static_cast<Loop*>(handle->loop->data)->before_poll();
  });
  uv_check_start(&after_poll_, [](uv_check_t* handle) noexcept {
    static_cast<Loop*>(handle->loop->data)->end_turn();
  });
}

Loop::~Loop() {
  {
    const std::lock_guard lock(posted_mutex_);
    mailbox_open_ = false;
    posted_.clear();
  }
  while (Retirable* object = retired_.pop_front()) {
    delete object;
  }
  check(held_ == 0, "every stream and listener is closed before its loop goes");
  for (uv_handle_t* handle :
       {as_handle(&mailbox_), as_handle(&before_poll_), as_handle(&after_poll_),
        as_handle(&keep_turning_), as_handle(&tick_timer_)}) {
    if (uv_is_closing(handle) == 0) {
      uv_close(handle, nullptr);
    }
  }
  uv_run(&uv_, UV_RUN_DEFAULT);  // the close callbacks, and look-ups that could not be cancelled
  must(uv_loop_close(&uv_), "nothing of a loop outlives it");
}

void Loop::start_helpers() {
  auto* nothing = new uv_work_t;
  must(uv_queue_work(
           &uv_, nothing, [](uv_work_t*) noexcept {},
           [](uv_work_t* done, int) noexcept { delete done; }),
       "threads can be started");
}

void Loop::run() {
  uv_run(&uv_, UV_RUN_DEFAULT);
}

bool Loop::run_once(int wait_ms) {
  // uv_run() cannot limit its wait, so this function waits, on libuv's own epoll descriptor.
  const int until_timer_ms = behind_ ? 0 : uv_backend_timeout(&uv_);
  const int limit_ms = until_timer_ms < 0 ? wait_ms : std::min(wait_ms, until_timer_ms);
  if (limit_ms > 0) {
    pollfd events{uv_backend_fd(&uv_), POLLIN, 0};
    poll(&events, 1, limit_ms);
  }
  return uv_run(&uv_, UV_RUN_NOWAIT) != 0;
}

bool Loop::post(std::function<void()> work) {
  // Sent under the lock: run_posted() closes the mailbox under it, and sending to a closed one is
  // not allowed.
  const std::lock_guard lock(posted_mutex_);
  if (!mailbox_open_) {
    return false;
  }
  posted_.push_back(std::move(work));
  uv_async_send(&mailbox_);
  return true;
}

void Loop::close_mailbox() {
  const std::lock_guard lock(posted_mutex_);
  if (mailbox_open_) {
    mailbox_open_ = false;
    uv_async_send(&mailbox_);
  }
}

void Loop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
    if (!mailbox_open_ && uv_is_closing(as_handle(&mailbox_)) == 0) {
      uv_close(as_handle(&mailbox_), nullptr);
    }
  }
  for (const std::function<void()>& piece : work) {
    piece();
  }
}

void Loop::retire(std::unique_ptr<Retirable> object) {
  retired_.push_back(*object.release());
  turn_again();
}

void Loop::defer(Deferred& work) {
  if (!work.linked()) {
    deferred_.push_back(work);
    turn_again();
  }
}

void Loop::turn_again() {
  uv_idle_start(&keep_turning_, [](uv_idle_t*) noexcept {});
}

// Retired objects go first, and their deferred work with them. Each list is taken whole: additions
// made meanwhile wait for the next end, so that two objects cannot keep the loop here for ever.
void Loop::end_turn() {
  reader_ = nullptr;
  IntrusiveList<Retirable> retired;
  retired_.splice_to(retired);
  while (Retirable* object = retired.pop_front()) {
    delete object;
  }
  IntrusiveList<Deferred> deferred;
  deferred_.splice_to(deferred);
  while (Deferred* work = deferred.pop_front()) {
    work->run();
  }
  if (retired_.empty() && deferred_.empty()) {
    uv_idle_stop(&keep_turning_);
    if (held_ == 0 && uv_is_closing(as_handle(&mailbox_)) != 0) {
      uv_stop(&uv_);  // even if a look-up is left
    }
  }
}

void Loop::hold() {
  if (held_++ == 0) {
    uv_ref(as_handle(&before_poll_));
  }
}

void Loop::release() {
  check(held_ > 0, "only what holds the loop releases it");
  if (--held_ == 0) {
    uv_unref(as_handle(&before_poll_));
  }
}

// Each shot is aimed at the next tick: a repeating timer would keep the phase in which it was
// started, and every deadline would be late by that much more.
void Loop::start_ticking() {
  tick_in(DeadlineWheel::kTickMs - now_ms() % DeadlineWheel::kTickMs);
}

void Loop::tick_in(uint64_t delay_ms) {
  tick_due_ms_ = now_ms() + delay_ms;
  uv_timer_start(
      &tick_timer_,
      [](uv_timer_t* timer) noexcept { static_cast<Loop*>(timer->loop->data)->tick(); }, delay_ms,
      0);
}

// Thousands may be due at once, such as silent clients that came together; active clients must not
// wait for all of them.
void Loop::tick() {
  if (lag_observer_ != nullptr) {
    lag_observer_->on_lag(now_ms() - tick_due_ms_);
  }
  behind_ = !deadlines_.advance(now_ms(), kDeadlinesPerTurn);
  if (!behind_ && deadlines_.size() > 0) {
    start_ticking();
  }
}

// Here, and not in tick(): before 1.48, libuv runs a timer that its own callback starts for now
// before it polls.
void Loop::before_poll() {
  end_turn();
  if (std::exchange(behind_, false)) {
    tick_in(0);
  }
}

void Loop::stop_ticking() {
  uv_timer_stop(&tick_timer_);
}

}  // namespace postern::net
