// Child: a program that this one starts. It takes over descriptors and reports with one byte on a
// pipe that it does its work. Loop's thread only; the observer must outlive *this. The program goes
// on when its Child is destroyed.
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
  // The program ended before it was ready: with `status`, or by `signal` if that is not 0.
  virtual void on_child_lost(int64_t status, int signal) = 0;

 protected:
  ~ChildObserver() = default;
};

struct ChildPlan {
  std::string file;
  std::vector<std::string> arguments;    // the first is argv[0]
  std::vector<std::string> environment;  // NAME=value, all of them
  std::vector<int> descriptors;          // the program has them as 3, 4, …; borrowed
};

class Child {
 public:
  // The program shares our standard streams. Its pipe is the descriptor after the last of the plan.
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
  void forget();  // no callback follows

 private:
  struct Handle;
  explicit Child(Handle* handle) : handle_(handle) {}
  Handle* handle_;  // owns itself until libuv's close callbacks
};

}  // namespace postern::net
