#include "tls/failure.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proxy/base/names.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {
namespace {

Failure recognise(std::string_view text) {
  return recognise_plaintext(as_bytes(text));
}

TEST(Failure, GivesEachItsOwnLabelAndText) {
  std::set<std::string> labels;
  std::set<std::string> texts;
  for (const ErrorRow& row : kTlsDomain.rows) {
    labels.insert(row.label);
    texts.insert(row.text);
  }
  EXPECT_EQ(labels.size(), kCountOf<Failure>);
  EXPECT_EQ(texts.size(), kCountOf<Failure>);
  EXPECT_STREQ(name_of(Failure::Internal), "internal");
  EXPECT_EQ(tls_error(Failure::NotTls, "in the TLS handshake").text(),
            "in the TLS handshake: the peer does not speak TLS");
}

TEST(Failure, RecognisesWhatIsNotTls) {
  EXPECT_EQ(recognise("PROXY TCP4 192.0.2.1"), Failure::ProxyHeader);
  EXPECT_EQ(recognise({"\r\n\r\n\0\r\nQUIT\n\x21", 13}), Failure::ProxyHeader);
  for (const char* request :
       {"GET / HTTP/1.1", "HEAD / H", "POST /x", "PUT /x", "OPTIONS * HTTP",
        "CONNECT mail.example.org:993", "DELETE /", "PRI * HTTP/2.0", "HTTP/1.1 400 Bad Request",
        "<!DOCTYPE HTML>", "<!DOCTYPE html>", "<html>"}) {
    EXPECT_EQ(recognise(request), Failure::PlaintextHttp) << request;
  }
  for (const char* line : {"a1 LOGIN joe secret", ". capability", "A_1-x noop", "* OK hello"}) {
    EXPECT_EQ(recognise(line), Failure::PlaintextImap) << line;
  }
  for (const char* line :
       {"\r\n", "EHLO\r\n", "P", "a1 ", "SSH-2.0-OpenSSH_9.2p1\r\n", "a b", " a"}) {
    EXPECT_NE(recognise(line), Failure::Truncated) << line;
  }
  EXPECT_EQ(recognise("SSH-2.0-OpenSSH_9.2p1\r\n"), Failure::NotTls);
  EXPECT_EQ(recognise({"\0\0\0\0", 4}), Failure::NotTls);
}

TEST(Failure, LeavesWhatMayBeTlsToTls) {
  EXPECT_EQ(recognise(""), Failure::Truncated);
  EXPECT_EQ(recognise("\x16"), Failure::Truncated);
  EXPECT_EQ(recognise("\x16\x03\x01"), Failure::Truncated);
  EXPECT_EQ(recognise({"\x15\x03\x01\0\x02\x02\x46", 7}), Failure::Truncated);
  EXPECT_EQ(recognise("\x16\x07"), Failure::NotTls);
}

TEST(Failure, NamesTheHelloOfSslv2) {
  EXPECT_EQ(recognise({"\x80\x2e\x01\x03\x01", 5}), Failure::UnsupportedVersion);
  EXPECT_EQ(recognise("\x80\x2e"), Failure::NotTls);
}

TEST(Failure, TakesTheFirstNamedCauseAndEmptiesTheQueue) {
  ERR_clear_error();
  ERR_put_error(ERR_LIB_CIPHER, 0, CIPHER_R_BAD_DECRYPT, __FILE__, __LINE__);
  ERR_put_error(ERR_LIB_SSL, 0, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, __FILE__, __LINE__);
  ERR_put_error(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER, __FILE__, __LINE__);
  EXPECT_EQ(take_failure_detail().failure, Failure::DecryptError);
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_EQ(take_failure_detail().failure, Failure::ProtocolError);  // BoringSSL gave no reason
}

TEST(Failure, ClassifiesAlertsOfThePeer) {
  const auto alert = [](int number) {
    ERR_put_error(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + number, __FILE__, __LINE__);
    return take_failure_detail().failure;
  };
  for (const int number :
       {SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
        SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA}) {
    EXPECT_EQ(alert(number), Failure::PeerRejectedCertificate) << number;
  }
  EXPECT_EQ(alert(SSL_AD_PROTOCOL_VERSION), Failure::UnsupportedVersion);
  EXPECT_EQ(alert(SSL_AD_HANDSHAKE_FAILURE), Failure::PeerAlert);
  EXPECT_EQ(alert(SSL_AD_INTERNAL_ERROR), Failure::PeerAlert);
}

TEST(Failure, ClassifiesRefusedRenegotiation) {
  ERR_put_error(ERR_LIB_SSL, 0, SSL_R_NO_RENEGOTIATION, __FILE__, __LINE__);
  EXPECT_EQ(take_failure_detail().failure, Failure::RenegotiationRefused);
}

TEST(Failure, CarriesVerdictsOfOurOwn) {
  report_verdict(Failure::CertificatePinMismatch);
  ERR_put_error(ERR_LIB_SSL, 0, SSL_R_CERTIFICATE_VERIFY_FAILED, __FILE__, __LINE__);
  EXPECT_EQ(take_failure_detail().failure, Failure::CertificatePinMismatch);
  report_verdict(Failure::UnsupportedVersion);  // number 0
  EXPECT_EQ(take_failure_detail().failure, Failure::UnsupportedVersion);
}

}  // namespace
}  // namespace postern::tls
