// The address of a session: announced by a load balancer, passed on to the backend.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/session/session.h"
#include "proxy/transport/proxy_protocol.h"
#include "tests/session/session_fixture.h"

namespace postern {
namespace {

constexpr std::string_view kV1 = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\r\n";

std::string v2() {
  return proxy_header_v2(net::Address::parse("192.0.2.1:4711").value(),
                         net::Address::parse("198.51.100.2:993").value(), {}, "");
}

class SessionIdentity : public SessionTest {
 protected:
  // The backend has heard something that ends so.
  bool backend_hears(std::string_view text) {
    return until([&] {
      return backend->accepted() > 0 && backend->last().heard().find(text) != std::string::npos;
    });
  }
  void secure_behind(std::string_view header) {
    dial();
    client->send_in_clear(header);
    client->secure();
    ASSERT_TRUE(until([&] { return client->secured() || client->over(); }));
  }
};

// ---- in

TEST_F(SessionIdentity, ReadsTheHeaderBeforeTls) {
  behind_proxies();
  for (const std::string& header : {std::string(kV1), v2()}) {
    secure_behind(header);
    EXPECT_TRUE(hears("] ready\r\n"));
  }
  EXPECT_EQ(proxy_headers("v1"), 1U);
  EXPECT_EQ(proxy_headers("v2"), 1U);
  EXPECT_EQ(handshake_failures(), 0U);
}

TEST_F(SessionIdentity, ReadsTheHeaderBeforeTheGreeting) {
  behind_proxies();
  dial(kStartTls);
  ASSERT_TRUE(until([&] { return figure(Metric::SessionsActive, {kStartTls}) == 1; }));
  client->send(std::string(kV1) + "t STARTTLS\r\n");
  ASSERT_TRUE(hears("t OK"));
  EXPECT_EQ(client->received().find("* OK"), 0U) << client->received();
  client->secure();
  EXPECT_TRUE(until([&] { return client->secured(); }));
}

TEST_F(SessionIdentity, CountsSessionsByTheAnnouncedAddress) {
  behind_proxies();
  config.limits.sessions_per_address = 1;
  secure_behind(kV1);
  ASSERT_TRUE(client->secured());
  const std::unique_ptr<GatewayClient> first = std::move(client);
  dial(kStartTls);
  client->send("PROXY TCP4 192.0.2.2 198.51.100.2 4711 143\r\n");
  EXPECT_TRUE(hears("ready, TLS first\r\n"));
  dial(kStartTls);
  client->send("PROXY TCP4 192.0.2.1 198.51.100.2 4712 143\r\n");
  EXPECT_TRUE(hears("* BYE [LIMIT]"));
  EXPECT_EQ(gateway().ended(EndReason::LimitAddress), 1U);
  dial();
  client->send(v2());
  EXPECT_TRUE(until([&] { return client->over(); })) << "on 993 without a word";
  EXPECT_EQ(gateway().ended(EndReason::LimitAddress), 2U);
}

TEST_F(SessionIdentity, KeepsTheConnectionsAddressIfTheHeaderNamesNobody) {
  behind_proxies();
  config.backends[0].client_identity = ClientIdentity::ImapId;
  secure_behind("PROXY UNKNOWN\r\n");
  EXPECT_TRUE(hears("] ready\r\n"));
  EXPECT_TRUE(backend_hears("\"x-originating-ip\" \"127.0.0.1\""));
  EXPECT_EQ(proxy_headers("local"), 1U);
}

TEST_F(SessionIdentity, WantsAHeaderFromPeersThatMustSendOne) {
  behind_proxies();
  for (const size_t listener : {kImplicit, kStartTls}) {
    dial(listener);
    client->send(std::string("\x16\x03\x01\x02", 4));
    EXPECT_TRUE(until([&] { return client->over(); }));
  }
  EXPECT_EQ(gateway().ended(EndReason::ProxyHeaderMissing), 2U);
  EXPECT_EQ(proxy_headers("missing"), 2U);
}

TEST_F(SessionIdentity, NamesAHeaderFromPeersThatMayNotSendOne) {
  config.listeners[kImplicit].proxies = {net::Network::parse("10.0.0.0/8").value()};
  for (const size_t listener : {kImplicit, kStartTls}) {
    for (const std::string& header : {std::string(kV1), v2()}) {
      dial(listener);
      client->send(header);
      EXPECT_TRUE(until([&] { return client->over(); }));
    }
  }
  EXPECT_EQ(gateway().ended(EndReason::ProxyHeaderRefused), 4U);
  EXPECT_EQ(proxy_headers("refused"), 4U);
  EXPECT_EQ(handshake_failures(kImplicit, "proxy_header"), 2U);
}

TEST_F(SessionIdentity, TakesOneHeaderOnly) {
  behind_proxies();
  for (const size_t listener : {kImplicit, kStartTls}) {
    dial(listener);
    client->send(std::string(kV1) + std::string(kV1));
    EXPECT_TRUE(until([&] { return client->over(); }));
  }
  EXPECT_EQ(gateway().ended(EndReason::ProxyHeaderRefused), 2U);
  EXPECT_EQ(proxy_headers("repeated"), 2U);
}

TEST_F(SessionIdentity, TakesNoHeaderInsideTls) {
  config.backends[0].client_identity = ClientIdentity::ImapId;
  relay();
  client->send(kV1);
  EXPECT_TRUE(backend_hears(kV1)) << "it is a command like any other";
  EXPECT_EQ(backend->last().heard().find("\"192.0.2.1\""), std::string::npos);
  EXPECT_EQ(gateway().ended(), 0U);
}

TEST_F(SessionIdentity, CountsEveryTruncation) {
  behind_proxies();
  uint64_t truncated = 0;
  for (const std::string& header : {std::string(kV1), v2()}) {
    for (size_t size = 1; size < header.size(); ++size) {
      dial(truncated % 2 == 0 ? kImplicit : kStartTls);
      client->send(std::string_view(header).substr(0, size));
      client->end();
      ASSERT_TRUE(until([&] { return client->over(); })) << size;
      EXPECT_EQ(proxy_headers("truncated"), ++truncated) << size;
    }
  }
  EXPECT_EQ(gateway().ended(EndReason::ProxyHeaderInvalid), truncated);
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(SessionIdentity, TakesAPortCheckOfALoadBalancerForWhatItIs) {
  behind_proxies();
  dial();
  client->end();
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  EXPECT_EQ(gateway().ended(EndReason::ClientClosed), 1U);
}

TEST_F(SessionIdentity, WaitsForAHeaderNoLongerThanForAHandshake) {
  behind_proxies();
  config.timeouts.handshake_ms = 200;
  dial();
  client->send("PROXY ");
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  EXPECT_EQ(gateway().ended(EndReason::ProxyHeaderTimeout), 1U);
  EXPECT_EQ(proxy_headers("timeout"), 1U);
}

// ---- out

TEST_F(SessionIdentity, ReachesTheBackendBeforeAllElse) {
  behind_proxies();
  config.backends[0].client_identity = ClientIdentity::ProxyV1;
  secure_behind(kV1);
  ASSERT_TRUE(backend_hears("\r\n"));
  EXPECT_EQ(backend->last().heard().find(kV1), 0U) << backend->last().heard();
}

TEST_F(SessionIdentity, ReachesTheBackendWithTheClientsTls) {
  config.backends[0].client_identity = ClientIdentity::ProxyV2;
  relay();
  ASSERT_TRUE(backend_hears("TLS_AES_"));
  EXPECT_EQ(backend->last().heard().find(std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14)), 0U);
  EXPECT_NE(backend->last().heard().find("localhost"), std::string::npos) << "SNI";
  EXPECT_NE(backend->last().heard().find("TLSv1.3"), std::string::npos);
}

TEST_F(SessionIdentity, ReachesTheBackendByIdWithoutTheClientsKnowledge) {
  behind_proxies();
  config.backends[0].client_identity = ClientIdentity::ImapId;
  secure_behind(v2());
  ASSERT_TRUE(hears("] ready\r\n"));
  EXPECT_EQ(client->received(), "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
  say("a LOGIN user secret", "a OK");
  const std::string& heard = backend->last().heard();
  EXPECT_LT(heard.find("\"x-originating-ip\" \"192.0.2.1\" \"x-originating-port\" \"4711\" "
                       "\"x-connected-ip\" \"198.51.100.2\" \"x-connected-port\" \"993\")\r\n"),
            heard.find("a LOGIN"));
}

TEST_F(SessionIdentity, IsNotTheClientsToChoose) {
  config.backends[0].client_identity = ClientIdentity::ImapId;
  relay();
  say("a ID (\"name\" \"x\" \"x-originating-ip\" \"203.0.113.9\")", "a OK");
  EXPECT_EQ(backend->last().heard().find("203.0.113.9"), std::string::npos);
  EXPECT_NE(backend->last().heard().find("a ID (\"name\" \"x\")\r\n"), std::string::npos);
  EXPECT_EQ(figure(Metric::IdFieldsDropped), 1U);
}

}  // namespace
}  // namespace postern
