// Two ends of a real TCP connection on one loop, and an observer that records its callbacks.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "tests/support/test_loop.h"

namespace postern::net {

enum class Event { Open, Bytes, Drained, WriteFailure, End, Failure };

class Recorder final : public StreamObserver {
 public:
  void on_open() override { note(Event::Open); }
  void on_bytes(Bytes bytes) override {
    received.append(as_text(bytes));
    largest = std::max(largest, bytes.size());
    note(Event::Bytes);
  }
  void on_drained() override { note(Event::Drained); }
  void on_write_failure(const Error& error) override {
    write_failure = error;
    note(Event::WriteFailure);
  }
  void on_end() override { note(Event::End); }
  void on_failure(const Error& error) override {
    failure = error;
    note(Event::Failure);
  }

  int count(Event event) const { return counts_[static_cast<size_t>(event)]; }
  bool opened() const { return count(Event::Open) > 0; }
  bool ended() const { return count(Event::End) > 0; }
  bool failed() const { return count(Event::Failure) > 0; }
  size_t total() const { return total_; }

  // Makes a call into the stream, in which the observer must not be called.
  template <typename Call>
  void calling(Call&& call) {
    inside_ = true;
    call();
    inside_ = false;
  }

  std::string received;
  size_t largest = 0;
  Error failure;
  Error write_failure;
  std::function<void(Event)> then;  // after each event
  std::vector<std::thread::id> threads;

 private:
  void note(Event event) {
    EXPECT_FALSE(inside_) << "called inside a call that the observer made";
    EXPECT_FALSE(failed()) << "called after failure";
    ++counts_[static_cast<size_t>(event)];
    ++total_;
    threads.push_back(std::this_thread::get_id());
    if (then) {
      then(event);
    }
  }

  int counts_[6] = {};
  size_t total_ = 0;
  bool inside_ = false;
};

// More than the kernel takes for a reader that does not read, on any default.
inline const std::string& much() {
  static const std::string bytes = [] {
    std::string out(8 * kMiB, '\0');
    uint32_t state = 1;
    for (char& c : out) {
      state = state * 1664525 + 1013904223;
      c = static_cast<char>(state >> 24);
    }
    return out;
  }();
  return bytes;
}

inline Address loopback(uint16_t port) {
  return Address::parse("127.0.0.1:" + std::to_string(port)).value();
}

class Loopback : public testing::Test, public AcceptObserver {
 protected:
  Loopback() { std::signal(SIGPIPE, SIG_IGN); }

  ~Loopback() override {
    retire(client);
    retire(server);
    listener.reset();
    EXPECT_TRUE(test::run_to_end(loop)) << "something still keeps the loop going";
  }

  void listen(const ListenOptions& options = {}) {
    const Result<int> fd = open_listening_socket(loopback(0), options);
    ASSERT_TRUE(fd) << fd.faults().front().text();
    listener = std::make_unique<Listener>(loop, fd.value(), *this);
    listener->start();
  }

  void dial(const TcpOptions& options = {},
            TcpStream::OpenOn opens = TcpStream::OpenOn::Connected) {
    client = TcpStream::make(loop);
    client->observe(client_saw);
    client_saw.calling([&] { client->connect(listener->local(), options, opens); });
  }

  void connect_pair() {
    listen();
    dial();
    ASSERT_TRUE(test::run_until(loop, [&] { return client_saw.opened() && server != nullptr; }));
  }

  void retire(std::unique_ptr<TcpStream>& stream) {
    if (stream != nullptr) {
      loop.retire(std::move(stream));
    }
  }

  void on_accept(std::unique_ptr<TcpStream> accepted) override {
    server = std::move(accepted);
    server->observe(server_saw);
    server->start();
  }
  void on_accept_failure(const Error& error) override { FAIL() << error.text(); }

  Loop loop;
  Recorder client_saw;
  Recorder server_saw;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<TcpStream> client;
  std::unique_ptr<TcpStream> server;
};

}  // namespace postern::net
