// ReloadRetry: tries a reload again that has failed because no descriptor was free: its files have
// not changed, so nothing else would. The pauses double, up to a minute. Main thread only; the
// observer outlives it.
#pragma once

#include <cstdint>

#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"

namespace postern {

class ReloadRetryObserver {
 public:
  // `whole`: the configuration, too; else the certificates alone.
  virtual void on_retry(bool whole) = 0;

 protected:
  ~ReloadRetryObserver() = default;
};

class ReloadRetry final : private net::Deadline {
 public:
  static constexpr uint64_t kFirstMs = 1'000;
  static constexpr uint64_t kLastMs = 60'000;

  ReloadRetry(net::Loop& loop, ReloadRetryObserver& observer) : loop_(loop), observer_(observer) {}

  // A reload has failed for want of descriptors; the log says that it is tried again.
  void failed(bool whole);
  // What is in force is what the files say, so there is nothing to try again.
  void succeeded(bool whole);
  void stop() { disarm(); }

 private:
  void on_deadline() override;

  net::Loop& loop_;
  ReloadRetryObserver& observer_;
  uint64_t pause_ms_ = kFirstMs;
  bool whole_ = false;
};

}  // namespace postern
