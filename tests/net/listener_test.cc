#include "proxy/net/listener.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/net/socket.h"
#include "tests/net/loopback.h"

namespace postern::net {
namespace {

using test::run_until;

struct Counter final : AcceptObserver {
  void on_accept(std::unique_ptr<TcpStream> client) override {
    clients.push_back(std::move(client));
    if (then) {
      then();
    }
  }
  void on_accept_failure(const Error& error) override {
    failures.push_back(error);
    if (then) {
      then();
    }
  }
  std::vector<std::unique_ptr<TcpStream>> clients;
  std::vector<Error> failures;
  std::function<void()> then;
};

// Clients that only connect: the kernel does their side.
struct Callers {
  ~Callers() {
    for (const int fd : fds) {
      ::close(fd);
    }
  }
  void connect(const Address& to, int count) {
    for (int i = 0; i < count; ++i) {
      fds.push_back(open_socket(to));
      sockaddr_storage name;
      const socklen_t length = to.to(name);
      ::connect(fds.back(), reinterpret_cast<const sockaddr*>(&name), length);
    }
  }
  std::vector<int> fds;
};

std::string complaint(const Result<int>& result) {
  return result ? "opened" : result.faults().front().text();
}

struct ListenerTest : testing::Test {
  Loop loop;
  Counter counter;
  Callers callers;
  std::unique_ptr<Listener> listener;

  void listen(const char* address = "127.0.0.1:0") {
    const Result<int> fd = open_listening_socket(Address::parse(address).value(), {});
    ASSERT_TRUE(fd) << complaint(fd);
    listener = std::make_unique<Listener>(loop, fd.value(), counter);
  }
  ~ListenerTest() override {
    counter.clients.clear();
    listener.reset();
    EXPECT_TRUE(test::run_to_end(loop));
  }
};

TEST_F(ListenerTest, AcceptsNoClientBeforeItIsStarted) {
  listen();
  callers.connect(listener->local(), 3);
  for (int turn = 0; turn < 10; ++turn) {
    loop.run_once(0);
  }
  EXPECT_TRUE(counter.clients.empty());
  listener->start();
  EXPECT_TRUE(run_until(loop, [&] { return counter.clients.size() == 3; }));
}

TEST_F(ListenerTest, AcceptsAStormOverSeveralTurns) {
  listen();
  callers.connect(listener->local(), 200);
  listener->start();
  loop.run_once(1000);
  EXPECT_LE(counter.clients.size(), 64U);
  EXPECT_TRUE(run_until(loop, [&] { return counter.clients.size() == 200; }));
}

TEST_F(ListenerTest, ClosesTheSocketAtOnce) {
  listen();
  const Address address = listener->local();
  listener->start();
  listener->close();
  listener->close();
  EXPECT_FALSE(listener->local().valid());
  const Result<int> again = open_listening_socket(address, {.reuse_port = false});
  ASSERT_TRUE(again) << complaint(again);
  ::close(again.value());
}

TEST_F(ListenerTest, MayBeDestroyedInOnAccept) {
  listen();
  callers.connect(listener->local(), 5);
  counter.then = [&] { listener.reset(); };
  listener->start();
  EXPECT_TRUE(run_until(loop, [&] { return !counter.clients.empty(); }));
  for (int turn = 0; turn < 5; ++turn) {
    loop.run_once(0);
  }
  EXPECT_EQ(counter.clients.size(), 1U);
}

TEST_F(ListenerTest, SpreadsClientsOverTwoLoopsOnOnePort) {
  listen();
  listener->start();
  const Address address = listener->local();
  Loop other_loop;
  Counter other;
  const Result<int> fd = open_listening_socket(address, {});
  ASSERT_TRUE(fd) << complaint(fd);
  {
    Listener other_listener(other_loop, fd.value(), other);
    other_listener.start();
    callers.connect(address, 100);
    EXPECT_TRUE(run_until(loop, [&] {
      other_loop.run_once(0);
      return counter.clients.size() + other.clients.size() == 100;
    }));
    EXPECT_GT(counter.clients.size(), 0U);
    EXPECT_GT(other.clients.size(), 0U);
    other.clients.clear();
  }
  EXPECT_TRUE(test::run_to_end(other_loop));
}

TEST_F(ListenerTest, TakesIPv4OnTheUnspecifiedIPv6Address) {
  if (const Result<int> v6 = open_listening_socket(Address::parse("[::1]:0").value(), {}); !v6) {
    GTEST_SKIP() << complaint(v6);
  } else {
    ::close(v6.value());
  }
  listen("[::]:0");
  listener->start();
  callers.connect(loopback(listener->local().port()), 1);
  ASSERT_TRUE(run_until(loop, [&] { return counter.clients.size() == 1; }));
  EXPECT_EQ(counter.clients[0]->remote().ip_text(), "127.0.0.1");
}

// Leaves the process no further descriptor for its lifetime.
class DescriptorFamine {
 public:
  DescriptorFamine() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~DescriptorFamine() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// accept(2) refuses a socket that does not listen. Twice, with a rest between. (A first run also
// prepares for a lack of descriptors: UBSan looks at a class when it first meets it, and needs a
// pipe for that.)
void fail_twice(Loop& loop, Counter& counter) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  Listener deaf(loop, pair[0], counter);
  deaf.start();
  ::close(pair[1]);  // which wakes the other end
  ASSERT_TRUE(run_until(loop, [&] { return counter.failures.size() == 2; }));
  counter.failures.clear();
}

TEST_F(ListenerTest, TriesAgainAfterAnUnknownFailure) {
  fail_twice(loop, counter);
}

TEST_F(ListenerTest, RestsWhenDescriptorsRunOutAndLosesNoClient) {
  fail_twice(loop, counter);
  listen();
  callers.connect(listener->local(), 3);
  loop.run_once(0);
  uint64_t first_ms = 0;
  uint64_t second_ms = 0;
  int turns = 0;
  {
    const DescriptorFamine famine;
    listener->start();
    ASSERT_TRUE(run_until(loop, [&] { return counter.failures.size() == 1; }));
    first_ms = loop.now_ms();
    ASSERT_TRUE(run_until(loop, [&] {
      ++turns;
      return counter.failures.size() == 2;
    }));
    second_ms = loop.now_ms();
  }
  EXPECT_STREQ(counter.failures[0].label(), "too_many_open_files");
  EXPECT_GE(second_ms, first_ms + 100);
  EXPECT_LE(turns, 30);
  EXPECT_TRUE(counter.clients.empty());
  EXPECT_TRUE(run_until(loop, [&] { return counter.clients.size() == 3; }));
}

int lowest_free_descriptor() {
  const int fd = dup(0);
  ::close(fd);
  return fd;
}

// Descriptors of the reserve are not for clients: the first that gets one is the last.
TEST_F(ListenerTest, RestsWhereTheReserveBeginsAndLosesNoClient) {
  listen();
  callers.connect(listener->local(), 5);
  loop.run_once(0);
  loop.reserve_descriptors_from(lowest_free_descriptor() + 2);
  listener->start();
  ASSERT_TRUE(run_until(loop, [&] { return counter.failures.size() == 2; }));
  EXPECT_STREQ(counter.failures[1].label(), "too_many_open_files");
  EXPECT_EQ(counter.clients.size(), 3U);
  counter.clients.clear();
  EXPECT_TRUE(run_until(loop, [&] { return counter.clients.size() == 2; }));
}

TEST_F(ListenerTest, OfTheReserveGoesOnWhereClientsMustWait) {
  listen();
  loop.reserve_descriptors_from(lowest_free_descriptor());
  Listener admin(loop, open_listening_socket(loopback(0), {}).value(), counter,
                 Listener::Share::Reserve);
  callers.connect(admin.local(), 3);
  admin.start();
  EXPECT_TRUE(run_until(loop, [&] { return counter.clients.size() == 3; }));
  EXPECT_TRUE(counter.failures.empty());
}

TEST_F(ListenerTest, MayBeDestroyedInOnAcceptFailure) {
  fail_twice(loop, counter);
  listen();
  callers.connect(listener->local(), 1);
  loop.run_once(0);
  counter.then = [&] { listener.reset(); };
  const DescriptorFamine famine;
  listener->start();
  EXPECT_TRUE(run_until(loop, [&] { return counter.failures.size() == 1; }));
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_EQ(counter.failures.size(), 1U);
}

TEST(OpenListeningSocket, SaysThatAnotherProcessHasThePort) {
  const Result<int> first = open_listening_socket(loopback(0), {.reuse_port = false});
  ASSERT_TRUE(first) << complaint(first);
  const Address taken = local_name(first.value());
  const Result<int> second = open_listening_socket(taken, {.reuse_port = false});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.faults().front().where, taken.text());
  EXPECT_NE(complaint(second).find("another process listens there"), std::string::npos);
  ::close(first.value());
}

TEST(OpenListeningSocket, SaysThatTheAddressIsNotHere) {
  const Result<int> fd = open_listening_socket(Address::parse("192.0.2.1:0").value(), {});
  EXPECT_NE(complaint(fd).find("no interface of this machine"), std::string::npos) << complaint(fd);
}

}  // namespace
}  // namespace postern::net
