#include "proxy/lookup/lookup_request.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern {
namespace {

using testing::HasSubstr;

LookupConfig service() {
  LookupConfig made;
  made.authority = "lookup.internal:8080";
  made.target = "/where?of=imap";
  return made;
}

TEST(LookupRequest, IsThatOfNginxWithoutThePassword) {
  EXPECT_EQ(
      lookup_request(service(), "anna@example.org", net::Address::parse("192.0.2.7:4711").value()),
      "GET /where?of=imap HTTP/1.0\r\n"
      "Host: lookup.internal:8080\r\n"
      "Auth-Method: none\r\n"
      "Auth-User: anna@example.org\r\n"
      "Auth-Protocol: imap\r\n"
      "Auth-SSL: on\r\n"
      "Client-IP: 192.0.2.7\r\n\r\n");
}

TEST(LookupRequest, LetsNoNameEndItsField) {
  const auto asked = [](const std::string& user) {
    return lookup_request(service(), user, net::Address::parse("[2001:db8::7]:1").value());
  };
  EXPECT_THAT(asked("a b%\r\nX: \x7f\xc3\xbc"),
              HasSubstr("\r\nAuth-User: a%20b%25%0D%0AX:%20%7F%C3%BC\r\n"));
  EXPECT_THAT(asked("anna"), HasSubstr("\r\nClient-IP: 2001:db8::7\r\n"));
}

}  // namespace
}  // namespace postern
