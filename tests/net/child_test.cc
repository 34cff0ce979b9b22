#include "proxy/net/child.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace postern::net {
namespace {

class ChildTest : public testing::Test, public ChildObserver {
 protected:
  ~ChildTest() override {
    child.reset();
    EXPECT_TRUE(test::run_to_end(loop));
  }
  // A shell that runs `script`; its pipe is $PIPE.
  bool start(const std::string& script, std::vector<int> descriptors = {}) {
    ChildPlan plan{.file = "/bin/sh",
                   .arguments = {"sh", "-c", script},
                   .environment = {"PATH=/usr/bin:/bin"},
                   .descriptors = std::move(descriptors)};
    plan.environment.push_back("PIPE=" + std::to_string(Child::pipe_descriptor(plan)));
    auto started = Child::start(loop, plan, *this);
    if (started) {
      child = std::move(started.value());
    }
    return static_cast<bool>(started);
  }
  bool reported() {
    return test::run_until(loop, [this] { return ready || lost; });
  }
  void on_child_ready() override { ready = true; }
  void on_child_lost(int64_t exit_status, int by_signal) override {
    lost = true;
    status = exit_status;
    signal = by_signal;
  }

  Loop loop;
  std::unique_ptr<Child> child;
  bool ready = false;
  bool lost = false;
  int64_t status = 0;
  int signal = 0;
};

TEST_F(ChildTest, IsReadyWhenItSaysSo) {
  ASSERT_TRUE(start("eval \"printf R >&$PIPE\"; exec sleep 60"));
  ASSERT_TRUE(reported());
  EXPECT_TRUE(ready);
  EXPECT_GT(child->pid(), 0);
  child->signal(SIGKILL);
  EXPECT_TRUE(test::run_until(loop, [this] { return child->pid() == 0; }));
  EXPECT_FALSE(lost) << "on_child_ready() was called before";
}

TEST_F(ChildTest, IsLostWhenItEndsBefore) {
  ASSERT_TRUE(start("exit 3"));
  ASSERT_TRUE(reported());
  EXPECT_TRUE(lost);
  EXPECT_EQ(status, 3);
  EXPECT_EQ(signal, 0);
}

TEST_F(ChildTest, IsLostWhenItIsKilled) {
  ASSERT_TRUE(start("kill -KILL $$"));
  ASSERT_TRUE(reported());
  EXPECT_EQ(signal, SIGKILL);
}

TEST_F(ChildTest, IsReapedEvenIfForgotten) {
  ASSERT_TRUE(start("exec sleep 60"));
  const pid_t pid = child->pid();
  child->forget();
  child->signal(SIGKILL);
  ASSERT_TRUE(test::run_until(loop, [this] { return child->pid() == 0; }));
  EXPECT_EQ(kill(pid, 0), -1) << "no zombie is left";
  EXPECT_FALSE(lost);
}

TEST_F(ChildTest, GetsTheDescriptorsInOrderAndNoOthers) {
  int pipes[2][2];
  ASSERT_EQ(pipe2(pipes[0], O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(pipes[1], O_CLOEXEC), 0);
  // The later pipe first: a descriptor may be in the way of another.
  ASSERT_TRUE(
      start("printf first >&3; printf second >&4; ls /proc/self/fd | wc -l >&4; "
            "eval \"printf R >&$PIPE\"",
            {pipes[1][1], pipes[0][1]}));
  ASSERT_TRUE(reported());
  close(pipes[0][1]);
  close(pipes[1][1]);
  char text[64];
  ASSERT_GT(read(pipes[1][0], text, sizeof text), 0);
  EXPECT_EQ(std::string(text, 5), "first");
  const ssize_t length = read(pipes[0][0], text, sizeof text);
  ASSERT_GT(length, 6);
  EXPECT_EQ(std::string(text, 6), "second");
  close(pipes[0][0]);
  close(pipes[1][0]);
}

TEST_F(ChildTest, CannotBeStartedFromAFileThatIsNotThere) {
  const ChildPlan plan{
      .file = "/nowhere/postern", .arguments = {"postern"}, .environment = {}, .descriptors = {}};
  const auto started = Child::start(loop, plan, *this);
  ASSERT_FALSE(started);
  EXPECT_NE(started.faults().front().text().find("no such file"), std::string::npos)
      << started.faults().front().text();
}

}  // namespace
}  // namespace postern::net
