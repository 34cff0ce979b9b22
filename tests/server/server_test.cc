#include "proxy/server/server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "tests/net/loopback.h"
#include "tests/support/certificates.h"
#include "tests/support/gateway.h"
#include "tests/support/logged.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using test::GatewayClient;
using test::run_until;

// A port of the kernel's choice, kept from everybody but a listener that shares ports, as ours do.
class ReservedPort {
 public:
  ReservedPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    address_ = net::bound_address(fd_);
  }
  ~ReservedPort() { close(fd_); }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  const net::Address& address() const { return address_; }

 private:
  int fd_;
  net::Address address_;
};

// The whole server on a thread of its own, driven by signals.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    const test::Issued leaf = test::self_signed({.names = {"localhost"}});
    directory.write("chain.pem", leaf.certificate_pem);
    directory.write("key.pem", leaf.key_pem);
    log::configure(log::Format::Text, log::Level::Error);
  }
  ~ServerTest() override {
    client.reset();
    if (thread.joinable()) {
      if (status < 0) {
        kill(getpid(), SIGTERM);
      }
      thread.join();
    }
    backend.reset();
    other_backend.reset();
    EXPECT_TRUE(test::run_to_end(loop));
  }

  void configure(const test::ScriptedBackend& to, const std::string& more = "") {
    path = directory.write("postern.yaml",
                           "workers: 2\n"
                           "listeners: [{address: \"" +
                               port.address().text() +
                               "\", tls: implicit}]\n"
                               "tls: {certificates: [{chain: chain.pem, key: key.pem}]}\n"
                               "backends: {pool: {servers: [\"" +
                               to.host().text() +
                               "\"], tls: none}}\n"
                               "default_backend: pool\n"
                               "timeouts: {drain: 10s, drain_delay: " +
                               drain_delay +
                               "}\n"
                               "admin: {address: \"" +
                               admin_port.address().text() +
                               "\"}\n"
                               "log: {level: error}\n" +
                               more);
  }
  void start() {
    configure(*backend);
    auto config = Config::load(path);
    ASSERT_TRUE(config) << config.faults().front().text();
    auto made = Server::make(std::move(config.value()), {.config_path = path});
    ASSERT_TRUE(made) << made.faults().front().text();
    server = std::move(made.value());
    thread = std::thread([this] {
      const int exit_status = server->run();
      server.reset();
      loop.post([this, exit_status] { status = exit_status; });
    });
    ASSERT_TRUE(page("/ready").find(" 200 ") != std::string::npos);
  }
  void connect() {
    client = std::make_unique<GatewayClient>(loop, port.address());
    ASSERT_TRUE(run_until(loop, [&] { return client->connected(); }));
    client->secure();
    ASSERT_TRUE(run_until(loop, [&] { return client->heard("ready\r\n"); }));
  }
  // What the admin endpoint answers.
  std::string page(const std::string& target) {
    net::Recorder saw;
    const auto stream = net::TcpStream::make(loop);
    stream->observe(saw);
    stream->connect(admin_port.address(), {});
    stream->write(as_bytes("GET " + target + " HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(run_until(loop, [&] { return saw.ended() || saw.failed(); }));
    return saw.received;
  }
  void reload(const test::ScriptedBackend& to, const std::string& more = "") {
    configure(to, more);
    kill(getpid(), SIGHUP);
  }
  bool becomes_unready() {
    return test::eventually(loop,
                            [&] { return page("/ready").find(" 503 ") != std::string::npos; });
  }
  // The drain ends the client with `last_words`, the client hangs up, and the server ends.
  void expect_good_end(const std::string& last_words) {
    EXPECT_TRUE(run_until(loop, [&] { return client->over(); }));
    EXPECT_TRUE(client->heard(last_words));
    client->finish();
    EXPECT_TRUE(run_until(
        loop, [&] { return status >= 0; }, 10'000));
    EXPECT_EQ(status, 0);
  }
  // Waits until the figures show `line`.
  bool shows(const std::string& line) {
    return test::eventually(loop, [&] { return page("/metrics").find(line) != std::string::npos; });
  }

  net::Loop loop;
  ReservedPort port;
  ReservedPort admin_port;
  test::TempDirectory directory;
  std::string path;
  std::string drain_delay = "0s";
  std::unique_ptr<test::ScriptedBackend> backend = std::make_unique<test::ScriptedBackend>(loop);
  std::unique_ptr<test::ScriptedBackend> other_backend =
      std::make_unique<test::ScriptedBackend>(loop);
  std::unique_ptr<GatewayClient> client;
  std::unique_ptr<Server> server;
  std::thread thread;
  int status = -1;
};

TEST_F(ServerTest, ServesAndShowsWhatItDoes) {
  start();
  connect();
  EXPECT_TRUE(shows("postern_workers 2"));
  EXPECT_TRUE(shows("postern_ready 1"));
  EXPECT_TRUE(shows("postern_sessions_active{listener=\"" + port.address().text() + "\"} 1"));
  EXPECT_NE(page("/live").find(" 200 "), std::string::npos);
}

TEST_F(ServerTest, EndsWithZeroWhenDrained) {
  start();
  connect();
  kill(getpid(), SIGTERM);
  expect_good_end("* BYE [UNAVAILABLE]");
}

TEST_F(ServerTest, IsNotReadyWhileItDrains) {
  start();
  connect();
  backend->last().say("* 1 FETCH (BODY[] {4}\r\n12");
  ASSERT_TRUE(run_until(loop, [&] { return client->heard("12"); }));
  kill(getpid(), SIGINT);
  EXPECT_TRUE(becomes_unready());
  EXPECT_FALSE(client->over()) << "it is in the middle of a response";
  backend->last().say("34)\r\n");
  expect_good_end("34)\r\n* BYE");
}

TEST_F(ServerTest, ServesDuringTheDelayBeforeTheDrain) {
  drain_delay = "2s";
  start();
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(becomes_unready());
  connect();
  EXPECT_FALSE(client->over());
  expect_good_end("* BYE [UNAVAILABLE]");
}

TEST_F(ServerTest, UsesANewConfigurationForNewSessions) {
  start();
  connect();
  const std::unique_ptr<GatewayClient> living = std::move(client);
  reload(*other_backend);
  ASSERT_TRUE(shows("postern_config_reloads_total{result=\"success\"} 1"));
  ASSERT_TRUE(test::eventually(loop, [&] {
    connect();
    return other_backend->accepted() > 0;
  }));
  living->send("a NOOP\r\n");
  EXPECT_TRUE(run_until(loop, [&] { return living->heard("a OK"); }));
}

TEST_F(ServerTest, KeepsTheOldConfigurationWhenTheNewOneIsWrong) {
  start();
  reload(*other_backend, "no_such_setting: 1\n");
  ASSERT_TRUE(shows("postern_config_reloads_total{result=\"error\"} 1"));
  EXPECT_TRUE(shows("postern_config_last_reload_successful 0"));
  reload(*backend);
  EXPECT_TRUE(shows("postern_config_last_reload_successful 1"));
  connect();
  EXPECT_EQ(backend->accepted(), 1U);
  EXPECT_EQ(other_backend->accepted(), 0U);
}

// The files stay as they are, so no change of them would bring the next try.
TEST_F(ServerTest, TriesAReloadAgainThatFoundNoDescriptor) {
  start();
  connect();
  const auto lines = test::logged([&] {
    const test::NoDescriptors none;
    kill(getpid(), SIGHUP);
    EXPECT_TRUE(test::eventually(loop, [] {
      struct stat log {};
      return fstat(STDERR_FILENO, &log) == 0 && log.st_size > 0;  // it has failed
    }));
  });
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines[0].find("cannot be opened: Too many open files"), std::string::npos) << lines[0];
  EXPECT_TRUE(shows("postern_config_reloads_total{result=\"success\"} 1"));
  EXPECT_TRUE(shows("postern_config_last_reload_successful 1"));
}

TEST_F(ServerTest, ShowsThatTheCertificatesInForceAreNotThoseOfTheFiles) {
  start();
  EXPECT_TRUE(shows("postern_certificate_last_reload_successful 1"));
  const std::string loaded = "postern_certificate_last_reload_success_timestamp_seconds 1";
  EXPECT_TRUE(shows(loaded));
  directory.write("key.pem", "no key\n");
  EXPECT_TRUE(shows("postern_certificate_last_reload_successful 0"));
  const test::Issued whole = test::self_signed({.names = {"localhost"}});
  directory.write("chain.pem", whole.certificate_pem);
  directory.write("key.pem", whole.key_pem);
  EXPECT_TRUE(shows("postern_certificate_last_reload_successful 1"));
}

TEST_F(ServerTest, TriesAReloadAgainOnceTheFileThatFailedItHasChanged) {
  start();
  directory.write("key.pem", "no key\n");
  reload(*other_backend);
  ASSERT_TRUE(shows("postern_config_last_reload_successful 0"));
  const test::Issued whole = test::self_signed({.names = {"localhost"}});
  directory.write("chain.pem", whole.certificate_pem);
  directory.write("key.pem", whole.key_pem);
  EXPECT_TRUE(shows("postern_config_last_reload_successful 1"));
  EXPECT_TRUE(shows("postern_certificate_last_reload_successful 1"));
  EXPECT_TRUE(test::eventually(loop, [&] {
    connect();
    return other_backend->accepted() > 0;
  }));
}

TEST_F(ServerTest, ReportsEveryFaultWhenItCannotBeMade) {
  Config config = test::gateway_config({backend->host()});
  config.listeners[0].address = net::Address::parse("203.0.113.1:993").value();
  config.listeners[1].address = net::Address::parse("203.0.113.1:143").value();
  const auto made = Server::make(std::move(config), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.faults().size(), 2U);
}

}  // namespace
}  // namespace postern
