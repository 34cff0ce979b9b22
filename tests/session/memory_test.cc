// What an idle session costs in heap. The clients and the backend live in a child process, so that
// all the heap that grows here is the gateway's.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/imap/filter.h"
#include "proxy/net/tcp.h"
#include "proxy/relay/relay.h"
#include "proxy/session/session.h"
#include "proxy/transport/tls_stream.h"
#include "tests/support/gateway.h"
#include "tests/support/sanitized.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"
#include "tls/engine.h"

namespace postern {
namespace {

constexpr size_t kSessions = 500;
constexpr size_t kMovedBytes = 256 * kKiB;
constexpr size_t kLimitPerSession = 5 * kKiB;

// One way of a pipe between the two processes: a word at a time, each a step of the play.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void put(uint16_t word) { EXPECT_EQ(write(ends_[1], &word, sizeof word), ssize_t{sizeof word}); }
  uint16_t take() {
    uint16_t word = 0;
    EXPECT_EQ(read(ends_[0], &word, sizeof word), ssize_t{sizeof word});
    return word;
  }

 private:
  int ends_[2] = {};
};

// The child: a backend and 500 clients which log in, wait, move 256 KiB each, and wait again.
[[noreturn]] void play_clients_and_backend(Pipe& to_parent, Pipe& to_child) {
  net::Loop loop;
  test::ScriptedBackend backend(loop);
  to_parent.put(backend.address().port());
  const uint16_t port = to_child.take();
  const net::Address gateway = net::Address::parse("127.0.0.1:" + std::to_string(port)).value();
  std::vector<std::unique_ptr<test::GatewayClient>> clients;
  const auto all = [&](const std::string& command, const std::string& answer) {
    for (const auto& client : clients) {
      client->forget();
      client->send(command);
    }
    const auto answered = [&](const auto& client) { return client->heard(answer); };
    return test::run_until(
        loop, [&] { return std::all_of(clients.begin(), clients.end(), answered); }, 60'000);
  };
  const auto join = [&] {
    clients.push_back(std::make_unique<test::GatewayClient>(loop, gateway));
    test::GatewayClient& client = *clients.back();
    const bool connected = test::run_until(loop, [&] { return client.connected(); });
    client.secure();
    return connected && test::run_until(loop, [&] { return client.heard("ready\r\n"); });
  };
  // What belongs to the worker grows with its first session, which then goes.
  const std::string fetch = "c FETCH " + std::to_string(kMovedBytes) + "\r\n";
  bool good = join() && all("a LOGIN user secret\r\n", "a OK") && all(fetch, "c OK") &&
              all("z LOGOUT\r\n", "z OK");
  clients.clear();
  to_parent.put(good);
  to_child.take();
  for (size_t i = 0; i < kSessions; ++i) {
    good = good && join();
  }
  // What is sent too early waits after a login.
  const std::string early = "n NOOP " + std::string(2 * kKiB, 'x') + "\r\n";
  good = good && all("a LOGIN user secret\r\n" + early, "n OK") && all("b IDLE\r\n", "+ idling");
  to_parent.put(good);
  to_child.take();
  good = good && all("DONE\r\n", "b OK") && all(fetch, "c OK") && all("d IDLE\r\n", "+ idling");
  to_parent.put(good);
  to_child.take();
  std::_Exit(EXIT_SUCCESS);
}

size_t heap_in_use() {
  malloc_trim(0);
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void print_size(const char* what, size_t bytes) {
  std::printf("%-44s %6zu\n", what, bytes);
}

void print_parts() {
  print_size("Session", sizeof(Session));
  print_size("Relay", sizeof(Relay));
  print_size("  of it imap::Filter", sizeof(imap::Filter));
  print_size("TlsStream", sizeof(TlsStream));
  print_size("tls::Engine (without BoringSSL's SSL)", sizeof(tls::Engine));
  print_size("2 TcpStream", 2 * sizeof(net::TcpStream));
  print_size("2 uv_tcp_t and what is around them", 2 * (sizeof(uv_tcp_t) + 40));
}

TEST(Memory, AnIdleSessionCostsAtMostFiveKibibytes) {
  if (test::kSanitized) {
    GTEST_SKIP() << "a sanitizer's heap cannot be measured";
  }
  Pipe to_parent;
  Pipe to_child;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    play_clients_and_backend(to_parent, to_child);
  }
  net::Loop loop;
  const net::HostPort backend{"127.0.0.1", to_parent.take()};
  test::Gateway gateway(loop, test::gateway_config({backend}));
  // The child's steps are waited for on a thread, because this one has to serve.
  const auto serve_until_noticed = [&] {
    bool noticed = false;
    uint16_t good = 0;
    std::thread waiter([&] {
      good = to_parent.take();
      loop.post([&noticed] { noticed = true; });
    });
    EXPECT_TRUE(test::run_until(
        loop, [&] { return noticed; }, 100'000));
    waiter.join();
    EXPECT_EQ(good, 1U);
  };
  to_child.put(gateway.address(test::kImplicit).port());
  serve_until_noticed();
  ASSERT_TRUE(test::run_until(loop, [&] { return gateway.at_rest(); }));
  const size_t before = heap_in_use();
  to_child.put(0);
  serve_until_noticed();
  ASSERT_EQ(gateway.figure(metrics::Metric::SessionsIdle), kSessions);
  const size_t idle = heap_in_use();
  to_child.put(0);
  serve_until_noticed();
  ASSERT_EQ(gateway.figure(metrics::Metric::SessionsIdle), kSessions);
  const size_t later = heap_in_use();
  to_child.put(0);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);

  print_parts();
  print_size("heap of an idle session", (idle - before) / kSessions);
  print_size("heap after it has moved 256 KiB", (later - before) / kSessions);
  EXPECT_LE((idle - before) / kSessions, kLimitPerSession);
  EXPECT_LE(later, idle + 64 * kSessions) << "what a session used while it was busy is not kept";
}

}  // namespace
}  // namespace postern
