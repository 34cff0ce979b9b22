// Child: a program started by this one, which takes over descriptors and says by one byte on a pipe
// that it does its work. Loop's thread only; the observer outlives it. Destroying it forgets the
// program, which goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/loop.h"

namespace postern::net {

class ChildObserver {
 public:
  virtual void on_child_ready() = 0;
  // It has ended before it was ready: with `status`, or by `signal` if that is not 0.
  virtual void on_child_lost(int64_t status, int signal) = 0;

 protected:
  ~ChildObserver() = default;
};

struct ChildPlan {
  std::string file;
  std::vector<std::string> arguments;    // the first is its name for itself
  std::vector<std::string> environment;  // NAME=value, all of it
  std::vector<int> descriptors;          // what it finds from 3 on; borrowed
};

class Child {
 public:
  // Its standard streams are ours. The pipe is the descriptor after the last of the plan's.
  static Result<std::unique_ptr<Child>> start(Loop& loop, const ChildPlan& plan,
                                              ChildObserver& observer);
  static int pipe_descriptor(const ChildPlan& plan) {
    return 3 + static_cast<int>(plan.descriptors.size());
  }
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int pid() const;  // 0 once it has ended
  void signal(int number);
  void forget();  // nothing more is told of it

 private:
  struct Handle;
  explicit Child(Handle* handle) : handle_(handle) {}
  Handle* handle_;  // owns itself until libuv's close callbacks
};

}  // namespace postern::net
