// The bench's load generator: connections (load.cc) and the run as a whole (load_run.cc). One
// thread.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

namespace postern::bench {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string mode;
  uint16_t port = 0;
  std::map<std::string, std::string> values{
      {"connections", "32"},
      {"seconds", "2"},
      {"tls", "1.3"},
      {"rate", "0"},
      {"size", "67108864"},
      {"resume", "0"},
      {"cipher", ""},
      {"from", ""},
      {"patient", "0"},
      {"timeline", "0"},
      // P-256 is for the certificate: TLS 1.2 asks for the curve of an ECDSA key in this list, too.
      {"groups", "X25519:P-256"},
      {"group", ""}};
  const std::string& text(const std::string& key) const { return values.at(key); }
  double number(const std::string& key) const { return std::atof(values.at(key).c_str()); }
};

[[noreturn]] void die(const std::string& what);

// The figures of a run. Latencies are kept whole: a run has less than some millions of them.
struct Figures {
  uint64_t units = 0;  // connections, sessions, round trips
  uint64_t bytes = 0;
  uint64_t errors = 0;
  uint64_t resumed = 0;
  uint64_t ecdsa = 0;  // of the handshakes, those whose certificate was
  std::vector<uint32_t> latencies_us;
};

// A second of the run, with timeline=1.
struct Second {
  uint64_t errors = 0;
  std::vector<uint32_t> latencies_us = {};  // of the units that have ended in it
};

// What a connection waits for next.
enum class Waiting : uint8_t { Connect, Handshake, Greeting, Login, Answer, Literal, Idle, Close };

struct Connection {
  int fd = -1;
  bssl::UniquePtr<SSL> ssl;
  Waiting waiting = Waiting::Connect;
  Clock::time_point started;
  std::string line;
  uint64_t literal_left = 0;
  bool wants_write = false;
  bool busy = false;  // a round trip is under way
  size_t slot = 0;
};

class Load {
 public:
  explicit Load(Options options);
  void run();

 private:
  void open(Connection& c);
  void reopen(Connection& c);
  void close_down(Connection& c);
  void step(Connection& c);
  void handshake(Connection& c);
  void check_group(const Connection& c) const;
  void read_all(Connection& c);
  void line(Connection& c, std::string_view text);
  void ready(Connection& c);  // logged in, or after each unit of work
  void begin_unit(Connection& c);
  void end_unit(Connection& c);
  void send(Connection& c, std::string_view text);
  void upload(Connection& c);
  void failed(Connection& c);
  void want(Connection& c, bool write);
  void start_clock();
  void start_due();
  int wait(std::span<epoll_event> events);
  Second& this_second();
  void report(double seconds) const;
  void report_timeline() const;
  bool over() const { return Clock::now() >= end_; }
  bool one_shot() const { return options_.mode == "handshake" || options_.mode == "login"; }

  static int on_ticket(SSL* ssl, SSL_SESSION* session);

  Options options_;
  bssl::UniquePtr<SSL_CTX> context_;
  int epoll_;
  std::vector<Connection> connections_;
  std::vector<bssl::UniquePtr<SSL_SESSION>> tickets_;
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
  std::vector<char> block_ = std::vector<char>(64 * 1024, 'x');
  Clock::time_point begin_, end_, next_due_;
  bool clock_runs_ = false;   // open loop: units fall due
  std::vector<size_t> free_;  // open loop: connections without a round trip
  Figures figures_;
  std::vector<Second> timeline_;
  size_t settled_ = 0;
};

}  // namespace postern::bench
