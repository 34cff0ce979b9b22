// Waiting for what a loop brings about, with a deadline and without a sleep.
#pragma once

#include <csignal>
#include <cstdint>

#include "proxy/net/loop.h"

namespace postern::test {

// Runs turns of `loop` until done() holds; false if it does not within `deadline_ms`, or if nothing
// is left in the loop that could bring it about.
template <typename Predicate>
bool run_until(net::Loop& loop, Predicate&& done, int deadline_ms = 5000) {
  std::signal(SIGPIPE, SIG_IGN);  // as main() does: libuv writes with write(2)
  const uint64_t end_us = net::Loop::now_us() + static_cast<uint64_t>(deadline_ms) * 1000;
  while (!done()) {
    const uint64_t now_us = net::Loop::now_us();
    if (now_us >= end_us) {
      return false;
    }
    if (!loop.run_once(static_cast<int>((end_us - now_us) / 1000 + 1))) {
      return done();
    }
  }
  return true;
}

// Waits for what has to be asked for again and again until it is so: false if it never is.
template <typename Ask>
bool eventually(net::Loop& loop, Ask&& ask) {
  const uint64_t end_us = net::Loop::now_us() + 10'000'000;
  while (!ask()) {
    if (net::Loop::now_us() > end_us) {
      return false;
    }
    loop.run_once(1);
  }
  return true;
}

// Closes the mailbox and runs until nothing is left; false if something is still there at the
// deadline.
inline bool run_to_end(net::Loop& loop, int deadline_ms = 5000) {
  loop.close_mailbox();
  bool left = true;
  const uint64_t end_us = net::Loop::now_us() + static_cast<uint64_t>(deadline_ms) * 1000;
  while (left && net::Loop::now_us() < end_us) {
    left = loop.run_once(deadline_ms);
  }
  return !left;
}

}  // namespace postern::test
