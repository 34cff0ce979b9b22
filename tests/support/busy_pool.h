// BusyPool: libuv's threads, which all loops share, are busy until release(): no look-up of a name
// is answered. Loop's thread only; destroyed outside of callbacks and before the loop, which it
// turns until the threads are free.
#pragma once

#include <semaphore>

#include <uv.h>

#include "proxy/net/loop.h"

namespace postern::test {

class BusyPool {
 public:
  explicit BusyPool(net::Loop& loop) : loop_(loop) {
    for (uv_work_t& work : works_) {
      work.data = this;
      uv_queue_work(
          loop.uv(), &work,
          [](uv_work_t* begun) noexcept {
            auto* self = static_cast<BusyPool*>(begun->data);
            self->begun_.release();
            self->released_.acquire();
          },
          [](uv_work_t* ended, int) noexcept { --static_cast<BusyPool*>(ended->data)->busy_; });
    }
    for (int i = 0; i < kThreads; ++i) {
      begun_.acquire();
    }
  }
  ~BusyPool() { release(); }
  BusyPool(const BusyPool&) = delete;
  BusyPool& operator=(const BusyPool&) = delete;

  void release() {
    if (busy_ > 0) {
      released_.release(kThreads);
    }
    while (busy_ > 0) {
      loop_.run_once(100);
    }
  }

 private:
  static constexpr int kThreads = 4;  // libuv's own number
  net::Loop& loop_;
  uv_work_t works_[kThreads];
  std::counting_semaphore<> begun_{0};
  std::counting_semaphore<> released_{0};
  int busy_ = kThreads;
};

}  // namespace postern::test
