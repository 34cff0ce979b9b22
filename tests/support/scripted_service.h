// ScriptedService: the HTTP service that says where users are, on a port of 127.0.0.1 that the
// kernel chose. It says the same to every question, or nothing. Loop's thread only; the loop
// outlives it, and it is destroyed outside of callbacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/net/address.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"

namespace postern::test {

class ScriptedService final : private net::AcceptObserver {
 public:
  explicit ScriptedService(net::Loop& loop)
      : listener_(loop,
                  net::open_listening_socket(net::Address::parse("127.0.0.1:0").value(),
                                             {.reuse_port = false})
                      .value(),
                  *this) {
    listener_.start();
  }

  net::HostPort host() const { return {"127.0.0.1", listener_.local().port()}; }
  // From now on; empty: it is silent.
  void say(std::string answer) { answer_ = std::move(answer); }
  void say_ok(const std::string& backend) {
    say("HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Backend: " + backend + "\r\n\r\n");
  }
  // To all who wait.
  void answer_all() {
    for (const auto& connection : connections_) {
      connection->answer();
    }
  }
  size_t asked() const { return connections_.size(); }
  std::string question(size_t index) const { return connections_[index]->heard; }
  bool was_asked(std::string_view user) const {
    const std::string field = "\r\nAuth-User: " + std::string(user) + "\r\n";
    return std::any_of(connections_.begin(), connections_.end(), [&](const auto& each) {
      return each->heard.find(field) != std::string::npos;
    });
  }
  // Connections whose other end is still there.
  size_t open() const {
    return static_cast<size_t>(std::count_if(connections_.begin(), connections_.end(),
                                             [](const auto& each) { return !each->over; }));
  }

 private:
  struct Connection final : private net::StreamObserver {
    Connection(ScriptedService& of, std::unique_ptr<net::TcpStream> client)
        : service(of), stream(std::move(client)) {
      stream->observe(*this);
      stream->start();
    }
    void answer() {
      if (!over && !answered && !service.answer_.empty() && heard.ends_with("\r\n\r\n")) {
        answered = true;
        stream->write(as_bytes(service.answer_));
        stream->finish();
      }
    }
    void on_open() override {}
    void on_bytes(Bytes bytes) override {
      heard.append(as_text(bytes));
      answer();
    }
    void on_drained() override {}
    void on_end() override { leave(); }
    void on_failure(const Error&) override { over = true; }
    void leave() {
      over = true;
      stream->abort();
    }

    ScriptedService& service;
    std::unique_ptr<net::TcpStream> stream;
    std::string heard = {};
    bool answered = false;
    bool over = false;
  };

  void on_accept(std::unique_ptr<net::TcpStream> client) override {
    connections_.push_back(std::make_unique<Connection>(*this, std::move(client)));
  }
  void on_accept_failure(const Error& error) override { ADD_FAILURE() << error.text(); }

  std::string answer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  net::Listener listener_;
};

}  // namespace postern::test
