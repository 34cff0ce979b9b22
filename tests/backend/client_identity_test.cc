#include "proxy/backend/client_identity.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

const ClientDescription kClient{.address = net::Address::parse("192.0.2.1:4711").value(),
                                .destination = net::Address::parse("198.51.100.2:993").value(),
                                .session_id = "00000000000000ff",
                                .tls = {.version = "TLSv1.3"}};

TEST(IdentityPreamble, SaysNothingUnlessAskedTo) {
  const IdentityPreamble nothing = make_preamble(ClientIdentity::None, {});
  EXPECT_EQ(nothing.proxy_header + nothing.id_command, "");
}

TEST(IdentityPreamble, IsAProxyHeaderBeforeAllElse) {
  const IdentityPreamble v1 = make_preamble(ClientIdentity::ProxyV1, kClient);
  EXPECT_EQ(v1.proxy_header, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\r\n");
  EXPECT_EQ(v1.id_command, "");
  const IdentityPreamble v2 = make_preamble(ClientIdentity::ProxyV2, kClient);
  EXPECT_EQ(v2.proxy_header.substr(0, 5), "\r\n\r\n" + std::string(1, '\0'));
  EXPECT_NE(v2.proxy_header.find("TLSv1.3"), std::string::npos);
  EXPECT_NE(v2.proxy_header.find("00000000000000ff"), std::string::npos);
  EXPECT_EQ(v2.id_command, "");
}

TEST(IdentityPreamble, IsAnIdCommandThatDovecotAccepts) {
  const IdentityPreamble id = make_preamble(ClientIdentity::ImapId, kClient);
  EXPECT_EQ(id.proxy_header, "");
  EXPECT_EQ(id.id_command,
            "ID (\"x-session-id\" \"00000000000000ff\" \"x-originating-ip\" \"192.0.2.1\" "
            "\"x-originating-port\" \"4711\" \"x-connected-ip\" \"198.51.100.2\" "
            "\"x-connected-port\" \"993\")");
  ClientDescription v6 = kClient;
  v6.address = net::Address::parse("[2001:db8::1]:1").value();
  v6.destination = {};
  EXPECT_EQ(make_preamble(ClientIdentity::ImapId, v6).id_command,
            "ID (\"x-session-id\" \"00000000000000ff\" \"x-originating-ip\" \"2001:db8::1\" "
            "\"x-originating-port\" \"1\")");
}

TEST(IdentityPreamble, WritesASessionsIdInSixteenDigits) {
  EXPECT_EQ(session_id_text(0xff), "00000000000000ff");
  EXPECT_EQ(session_id_text(UINT64_MAX), "ffffffffffffffff");
}

}  // namespace
}  // namespace postern
