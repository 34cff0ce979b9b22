// The admin endpoint over TLS. Its requests are those of admin_endpoint_test.cc.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/server/admin_endpoint.h"
#include "proxy/transport/tls_stream.h"
#include "tests/server/admin_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/scripted_backend.h"

namespace postern {
namespace {

constexpr char kLive[] = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n";
// The beginning of a record of 64 octets that holds a ClientHello.
constexpr char kHalfHello[] = "\x16\x03\x01\x00\x40\x01\x00";

class AdminTlsTest : public AdminTest {
 protected:
  struct TlsClient {
    std::unique_ptr<TlsStream> stream;
    net::Recorder saw;
    bool over() const { return saw.ended() || saw.failed(); }
    bool heard(std::string_view text) const { return saw.received.find(text) != std::string::npos; }
  };

  AdminTlsTest() { admin->use(context_for("first.test")); }
  ~AdminTlsTest() override { tls_clients_.clear(); }

  std::shared_ptr<const tls::ServerContext> context_for(const std::string& name) const {
    return test::server_context(authority_, {name});
  }
  // Trusts the authority, and no certificate for another name.
  std::unique_ptr<tls::ClientContext> client_context(const std::string& name) const {
    tls::Verification rule;
    rule.ca_file = directory_.write("ca.pem", authority_.pem());
    rule.name = name;
    return std::move(
        tls::ClientContext::make({.policy = tls::Policy::toward_backend(tls::Version::Tls12),
                                  .verifier = tls::load_verifier(rule).value()})
            .value());
  }
  // A client whose handshake is over, well or not.
  TlsClient& shake_hands(const std::string& name = "first.test") {
    contexts_.push_back(client_context(name));
    Client& plain = connect();
    tls_clients_.push_back(std::make_unique<TlsClient>());
    TlsClient& client = *tls_clients_.back();
    client.stream =
        TlsStream::client(loop, std::move(plain.stream), *contexts_.back(), workspace, name);
    client.stream->observe(client.saw);
    EXPECT_TRUE(run_until(loop, [&] { return client.saw.opened() || client.over(); }));
    return client;
  }
  bool is_served(TlsClient& client) {
    client.saw.received.clear();
    client.stream->write(as_bytes(std::string_view(kLive)));
    return run_until(loop, [&] { return client.heard("\r\n\r\nok\n") || client.over(); }) &&
           !client.over();
  }
  Client& half_hello() {
    Client& client = connect();
    client.send({kHalfHello, sizeof kHalfHello - 1});
    loop.run_once(10);
    return client;
  }

  test::TempDirectory directory_;
  test::Authority authority_;
  std::vector<std::unique_ptr<tls::ClientContext>> contexts_;
  std::vector<std::unique_ptr<TlsClient>> tls_clients_;
};

TEST_F(AdminTlsTest, ServesRequestAfterRequest) {
  TlsClient& client = shake_hands();
  EXPECT_TRUE(is_served(client));
  EXPECT_TRUE(is_served(client));
  EXPECT_EQ(source.requests, (std::vector<std::string>{"/live 200", "/live 200"}));
}

TEST_F(AdminTlsTest, HandsActionsInAsSecured) {
  TlsClient& client = shake_hands();
  client.stream->write(
      as_bytes("POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(run_until(loop, [&] { return client.heard("done\n"); }));
  EXPECT_EQ(desk.asked, std::vector<std::string>{"/v1/reload 127.0.0.1 secured"});
}

TEST_F(AdminTlsTest, TellsAClientInClearWhatIsWrongAndEnds) {
  Client& client = connect();
  client.send(
      "POST /v1/reload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_TRUE(closes(client));
  EXPECT_TRUE(client.heard("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(client.heard("this endpoint speaks TLS: ask it by https://"));
  EXPECT_EQ(source.requests, std::vector<std::string>{"other 400"});
  EXPECT_TRUE(desk.asked.empty());
}

TEST_F(AdminTlsTest, EndsAHandshakeThatTakesTooLong) {
  Client& client = half_hello();
  pass_ms(9'000);
  EXPECT_FALSE(client.over());
  client.send("\x01");  // more bytes buy no more time
  loop.run_once(10);
  pass_ms(10'200);
  EXPECT_TRUE(closes(client));
}

TEST_F(AdminTlsTest, AHandshakeThatIsNotCompleteGivesWayFirst) {
  TlsClient& between_scrapes = shake_hands();
  ASSERT_TRUE(is_served(between_scrapes));
  Client& halfway = half_hello();
  for (int i = 2; i < 10; ++i) {
    strangers("127.0.0." + std::to_string(i), Admin::kMaxOfAddress);
  }
  EXPECT_TRUE(closes(halfway));
  TlsClient& newcomer = shake_hands();
  EXPECT_TRUE(is_served(newcomer));
  EXPECT_TRUE(is_served(between_scrapes));
}

TEST_F(AdminTlsTest, ShowsARenewedCertificateToNewcomersOnly) {
  TlsClient& older = shake_hands("first.test");
  admin->use(context_for("second.test"));
  EXPECT_TRUE(is_served(shake_hands("second.test")));
  EXPECT_TRUE(shake_hands("first.test").saw.failed()) << "it is for another name";
  EXPECT_TRUE(is_served(older));
}

TEST_F(AdminTlsTest, SpeaksInClearAgainOnceTlsIsTakenAway) {
  TlsClient& older = shake_hands();
  admin->use(nullptr);
  EXPECT_FALSE(served().over());
  EXPECT_TRUE(is_served(older));
}

TEST_F(AdminTlsTest, SurvivesClientsThatLeaveInTheirHandshakes) {
  for (int i = 0; i < 100; ++i) {
    Client& client = half_hello();
    client.stream->abort();
  }
  EXPECT_TRUE(is_served(shake_hands()));
}

}  // namespace
}  // namespace postern
