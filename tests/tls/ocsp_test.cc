#include "tls/internal/ocsp.h"

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tests/tls/responses.h"

namespace postern::tls {
namespace {

using test::Response;

std::string fault_of(const Response& response, const OcspSubject& subject = test::subject()) {
  const auto staple = read_staple(test::encode(response), subject);
  return staple ? "" : staple.faults().front().message;
}

TEST(Ocsp, ReadsDatesOfTheSubjectsResponse) {
  const std::string der = test::encode({});
  const auto staple = expect_value(read_staple(der, test::subject()));
  EXPECT_EQ(staple.der, der);
  EXPECT_EQ(staple.this_update, 1767225600);  // 2026-01-01
  EXPECT_EQ(staple.next_update, 1767830400);  // 2026-01-08
  EXPECT_FALSE(staple.fresh_at(1767225599));
  EXPECT_TRUE(staple.fresh_at(1767225600));
  EXPECT_TRUE(staple.fresh_at(1767830399));
  EXPECT_FALSE(staple.fresh_at(1767830400)) << "nextUpdate itself is too late";
}

TEST(Ocsp, FindsTheSubjectAmongOthers) {
  EXPECT_EQ(fault_of({.others_before = 3}), "");
}

TEST(Ocsp, ChecksTheResponseAgainstTheCertificate) {
  OcspSubject subject = test::subject();
  subject.serial = std::string("\x02\x01\x43", 3);
  EXPECT_EQ(fault_of({}, subject), "is about another certificate");
  subject = test::subject();
  subject.issuer_name = "another";
  EXPECT_EQ(fault_of({}, subject), "is about another certificate");
  subject = test::subject();
  subject.issuer_key = "another";
  EXPECT_EQ(fault_of({}, subject), "is about another certificate");
  subject.issuer_key = "";  // the chain has no issuer
  EXPECT_EQ(fault_of({}, subject), "");
}

TEST(Ocsp, SaysWhyAResponseIsUnusable) {
  EXPECT_EQ(fault_of({.status = 1}), "says that the certificate is revoked");
  EXPECT_EQ(fault_of({.status = 2}), "says that its responder does not know the certificate");
  EXPECT_EQ(fault_of({.next_update = ""}),
            "has no nextUpdate, so it is unknown how long it is valid");
  EXPECT_EQ(fault_of({.next_update = "20260132000000Z"}), "has a date that cannot be read");
  EXPECT_EQ(fault_of({.this_update = "2026"}), "has a date that cannot be read");
  EXPECT_EQ(fault_of({.response_status = 6}), "is no successful OCSP response in DER");
  EXPECT_FALSE(read_staple("", test::subject()));
  EXPECT_FALSE(read_staple(std::string(65 * 1024, 'x'), test::subject()));
}

TEST(Ocsp, RefusesATruncatedResponse) {
  const std::string der = test::encode({});
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(read_staple(der.substr(0, size), test::subject())) << size;
  }
}

}  // namespace
}  // namespace postern::tls
