// Which alert broke a handshake off, whose it was, and what it means.
#include "tls/alert.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tls/engine.h"

namespace postern::tls {
namespace {

// The records of a client of TLS 1.3 that begins as it should.
struct Begun {
  Begun()
      : client(RawPeer::client(
            [](SSL_CTX* ctx) { SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION); })) {
    server.take(client.wire);
    EXPECT_FALSE(server.failed);
  }
  std::unique_ptr<ServerContext> context = server_context();
  EnginePeer server{*context};
  RawPeer client;
};

std::string alert_record(uint8_t code) {
  return std::string("\x15\x03\x03\x00\x02\x02", 6) + static_cast<char>(code);
}
constexpr std::string_view kChangeCipherSpec("\x14\x03\x03\x00\x01\x01", 6);

// What curl and Python send: OpenSSL rejects a certificate before it encrypts.
TEST(Alert, IsReadInClearWhereAnEncryptedRecordIsExpected) {
  for (const bool after_change : {false, true}) {
    Begun begun;
    begun.server.take((after_change ? std::string(kChangeCipherSpec) : "") +
                      alert_record(SSL_AD_UNKNOWN_CA));
    EXPECT_TRUE(begun.server.failed);
    EXPECT_EQ(begun.server.failure(), Failure::PeerRejectedCertificate);
    const auto alert = begun.server.engine->alert();
    ASSERT_TRUE(alert.has_value());
    EXPECT_STREQ(alert_name(alert->code), "unknown_ca");
    EXPECT_FALSE(alert->ours);
    EXPECT_NE(std::string(alert_meaning(alert->code)).find("does not trust the chain"),
              std::string::npos);
  }
}

TEST(Alert, IsStillADecryptErrorIfItIsNone) {
  Begun begun;
  begun.server.take(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_EQ(begun.server.failure(), Failure::DecryptError);
  const auto alert = begun.server.engine->alert();
  ASSERT_TRUE(alert.has_value());
  EXPECT_STREQ(alert_name(alert->code), "bad_record_mac");
  EXPECT_TRUE(alert->ours);
}

TEST(Alert, OfAnotherKindIsNoVerdictOnTheCertificate) {
  Begun begun;
  begun.server.take(alert_record(SSL_AD_INTERNAL_ERROR));
  EXPECT_EQ(begun.server.failure(), Failure::PeerAlert);
}

TEST(Alert, OfOursNamesWhatWasWrong) {
  const auto context = server_context();
  EnginePeer server(*context);
  server.take(std::string("\x16\x03\x01\x00\x04\x01\x7f\xff\xff", 9));  // a hello of 8 MB
  EXPECT_EQ(server.failure(), Failure::ProtocolError);
  EXPECT_STREQ(server.engine->reason(), "EXCESSIVE_MESSAGE_SIZE");
  ASSERT_TRUE(server.engine->alert().has_value());
  EXPECT_TRUE(server.engine->alert()->ours);

  EnginePeer other(*context);
  other.take(std::string("\x16\x03\x01\x00\x08\x01\x00\x00\x04xxxx", 13));
  EXPECT_EQ(other.failure(), Failure::ProtocolError);
  ASSERT_TRUE(other.engine->alert().has_value());
  EXPECT_STREQ(alert_name(other.engine->alert()->code), "decode_error");
}

TEST(Alert, OfAPeerIsNamed) {
  const auto context = server_context();
  EnginePeer server(*context);
  server.take(alert_record(SSL_AD_CERTIFICATE_EXPIRED));
  EXPECT_EQ(server.failure(), Failure::PeerRejectedCertificate);
  ASSERT_TRUE(server.engine->alert().has_value());
  EXPECT_STREQ(alert_name(server.engine->alert()->code), "certificate_expired");
  EXPECT_STREQ(alert_name(99), "unassigned");
  EXPECT_STREQ(alert_meaning(99), "");
}

TEST(AlertInClear, IsFoundAtTheStartOnly) {
  const std::string alert = alert_record(SSL_AD_BAD_CERTIFICATE);
  EXPECT_EQ(alert_in_clear(as_bytes(alert)), SSL_AD_BAD_CERTIFICATE);
  for (size_t size = 0; size < alert.size(); ++size) {
    EXPECT_EQ(alert_in_clear(as_bytes(alert).first(size)), std::nullopt) << size;
  }
  const std::string encrypted = std::string("\x17\x03\x03\x00\x01x", 6) + alert;
  EXPECT_EQ(alert_in_clear(as_bytes(encrypted)), std::nullopt);
}

}  // namespace
}  // namespace postern::tls
