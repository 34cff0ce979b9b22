// BanKeeper: has bans outlast the process, in a file of the state directory that is replaced within
// a second after a change. What cannot be read or written is named in the log, and serving goes on.
// Main thread only; the loop and the guard outlive it.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/admission/login_guard.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"

namespace postern {

class BanKeeper final : private net::Deadline {
 public:
  // `directory` is empty if nothing is to be kept.
  BanKeeper(net::Loop& loop, LoginGuard& guard, const std::string& directory);

  // Takes over the bans of the file, and writes what changes from now on. If another process has
  // handed over, it may still write for a moment: its last bans are taken over, too.
  void start(bool has_predecessor);
  // Writes now what has changed.
  void write();
  // Another process writes from now on. Writes once more before that.
  void hand_over();

 private:
  static constexpr uint64_t kEveryMs = 1'000;
  static constexpr uint64_t kHandOverMs = 3'000;

  void on_deadline() override;
  void read();

  net::Loop& loop_;
  LoginGuard& guard_;
  std::string path_;      // empty: nothing is kept
  uint64_t written_ = 0;  // the guard's changes()
  bool awaits_predecessor_ = false;
};

}  // namespace postern
