// An admin endpoint on a port of the loopback interface, and clients of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/server/admin_endpoint.h"
#include "tests/net/loopback.h"
#include "tests/support/stranger.h"
#include "tests/support/test_loop.h"

namespace postern {

using test::run_until;

class Source final : public admin::AdminSource {
 public:
  std::string metrics(const metrics::Exposition&) override { return page; }
  admin::Health live() override { return {.ok = true, .reason = "alive"}; }
  std::string status(admin::StatusForm) override { return ""; }
  const char* status_policy() override { return ""; }
  admin::Health ready() override { return {.ok = is_ready, .reason = "draining"}; }
  void on_request(metrics::AdminPath path, metrics::HttpStatus status) override {
    requests.push_back(std::string(name_of(path)) + " " + name_of(status));
  }
  std::string page = "figures 1\n";
  bool is_ready = true;
  std::vector<std::string> requests;
};

// Answers at once, or when the test wants it.
class Desk final : public ActionDesk {
 public:
  std::optional<admin::ActionAnswer> act(const admin::ActionRequest& request,
                                         const ActionCaller& caller, Later then) override {
    asked.push_back(std::string(name_of(request.path)) + " " + caller.address.ip_text() +
                    (caller.secured ? " secured" : ""));
    if (answers_later) {
      later = std::move(then);
      return std::nullopt;
    }
    return admin::ActionAnswer{metrics::HttpStatus::Ok, "done\n"};
  }
  bool answers_later = false;
  Later later;
  std::vector<std::string> asked;
};

class AdminTest : public testing::Test {
 protected:
  struct Client {
    std::unique_ptr<net::TcpStream> stream;
    net::Recorder saw;
    bool over() const { return saw.ended() || saw.failed(); }
    void send(std::string_view bytes) { stream->write(as_bytes(bytes)); }
    bool heard(std::string_view text) const { return saw.received.find(text) != std::string::npos; }
  };

  AdminTest() {
    const int fd = net::open_listening_socket(net::loopback(0), {.reuse_port = false}).value();
    address = net::bound_address(fd);
    admin = std::make_unique<Admin>(loop, fd, workspace, source, desk);
    admin->start();
  }
  ~AdminTest() override {
    clients.clear();
    admin->close();
    EXPECT_TRUE(test::run_to_end(loop)) << "something still keeps the loop going";
  }

  Client& connect() {
    clients.push_back(std::make_unique<Client>());
    Client& client = *clients.back();
    client.stream = net::TcpStream::make(loop);
    client.stream->observe(client.saw);
    client.stream->connect(address, {});
    EXPECT_TRUE(run_until(loop, [&] { return client.saw.opened() || client.saw.failed(); }));
    return client;
  }
  // A client whose connection the endpoint has certainly accepted.
  Client& served() {
    Client& client = connect();
    client.send("GET /live HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(run_until(loop, [&] { return client.heard("\r\n\r\nok\n") || client.over(); }));
    client.saw.received.clear();
    return client;
  }
  // Connections that say nothing, from another address.
  void strangers(const std::string& from, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      strangers_.emplace_back(from, address);
      loop.run_once(0);
    }
    ASSERT_TRUE(run_until(loop, [&] { return living_strangers() <= Admin::kMaxConnections; }));
  }
  size_t living_strangers() {
    loop.run_once(0);
    size_t living = 0;
    for (const test::Stranger& stranger : strangers_) {
      living += stranger.over() ? 0 : 1;
    }
    return living;
  }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }
  bool closes(Client& client) {
    return run_until(loop, [&] { return client.over(); });
  }

  tls::Workspace workspace;
  net::Loop loop;
  Source source;
  Desk desk;
  net::Address address;
  std::unique_ptr<Admin> admin;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<test::Stranger> strangers_;
};

}  // namespace postern
