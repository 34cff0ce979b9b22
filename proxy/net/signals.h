// Signals: POSIX signals as events of a loop. Watched ones do not keep the loop alive. Loop's
// thread only; the observer must outlive *this.
#pragma once

#include <vector>

#include "proxy/net/loop.h"

namespace postern::net {

class SignalObserver {
 public:
  virtual void on_signal(int number) = 0;

 protected:
  ~SignalObserver() = default;
};

class Signals {
 public:
  Signals(Loop& loop, SignalObserver& observer) : loop_(loop), observer_(observer) {}
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  void watch(int number);

 private:
  struct Handle;
  Loop& loop_;
  SignalObserver& observer_;
  std::vector<Handle*> handles_;  // each owns itself until libuv's close callback
};

}  // namespace postern::net
