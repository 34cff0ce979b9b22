// Upgrade replaces the running program by the one now installed at its path, without a refused
// connection: it starts the new process with the listening sockets (inherited_sockets.h), and the
// old process drains only once the new one reports that it serves. A failure before that leaves the
// old process as it was, and the log says what failed. Main thread only; the loop and the observer
// must outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/net/child.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/process/listening_sockets.h"

namespace postern {

// How this process was started.
struct Invocation {
  std::string file;                    // absolute; an upgrade starts what this path holds by then
  std::vector<std::string> arguments;  // the first one as it was given

  static Invocation of(int argc, const char* const* argv);
};

class UpgradeObserver {
 public:
  virtual void on_upgraded(int pid) = 0;  // the new process serves

 protected:
  ~UpgradeObserver() = default;
};

class Upgrade final : private net::ChildObserver, private net::Deadline {
 public:
  // How long the new process may take until it is ready.
  static constexpr uint64_t kPatienceMs = 60'000;

  Upgrade(net::Loop& loop, Invocation invocation, UpgradeObserver& observer);
  // One at a time.
  void start(const std::vector<NamedSocket>& sockets);
  // Kills a new process that is not ready yet.
  void abandon();

 private:
  void on_child_ready() override;
  void on_child_lost(int64_t status, int signal) override;
  void on_deadline() override;
  net::ChildPlan plan(const std::vector<NamedSocket>& sockets) const;

  net::Loop& loop_;
  const Invocation invocation_;
  UpgradeObserver& observer_;
  std::unique_ptr<net::Child> child_;
  bool waiting_ = false;  // for the child
};

}  // namespace postern
