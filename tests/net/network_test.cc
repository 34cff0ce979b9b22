#include "proxy/net/network.h"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

Address address(const char* text) {
  return Address::parse(text).value();
}

std::string complaint(const char* text) {
  const auto parsed = Network::parse(text);
  return parsed ? "" : parsed.faults().front().message;
}

TEST(Network, ContainsItsBlockAndNothingElse) {
  const Network network = Network::parse("10.1.128.0/17").value();
  EXPECT_TRUE(network.contains(address("10.1.128.0:0")));
  EXPECT_TRUE(network.contains(address("10.1.255.255:1")));
  EXPECT_FALSE(network.contains(address("10.1.127.255:0")));
  EXPECT_FALSE(network.contains(address("10.2.128.0:0")));
  EXPECT_FALSE(network.contains(address("[2001:db8::1]:0")));
}

TEST(Network, TakesV6BlocksThatEndInsideAnOctet) {
  const Network network = Network::parse("2001:db8:40::/42").value();
  EXPECT_TRUE(network.contains(address("[2001:db8:7f::1]:0")));
  EXPECT_FALSE(network.contains(address("[2001:db8:80::1]:0")));
  EXPECT_FALSE(network.contains(address("192.0.2.1:0")));
}

TEST(Network, OfOneAddressNeedsNoPrefix) {
  EXPECT_EQ(Network::parse("192.0.2.7").value().text(), "192.0.2.7/32");
  EXPECT_TRUE(Network::parse("::1").value().contains(address("[::1]:5")));
}

TEST(Network, OfAllTakesEveryAddressOfItsFamily) {
  EXPECT_TRUE(Network::parse("0.0.0.0/0").value().contains(address("203.0.113.9:0")));
  EXPECT_FALSE(Network::parse("0.0.0.0/0").value().contains(address("[::1]:0")));
  EXPECT_TRUE(Network::parse("::/0").value().contains(address("[2001:db8::1]:0")));
}

TEST(Network, SaysWhatIsWrongAndWhatToWrite) {
  EXPECT_EQ(complaint("10.0.0.1/8"),
            "\"10.0.0.1/8\" has address bits after its prefix; write 10.0.0.0/8");
  EXPECT_EQ(complaint("10.0.0.0/33"),
            "\"10.0.0.0/33\" needs a prefix length of 0 to 32 after the slash");
  EXPECT_EQ(complaint("::/129"), "\"::/129\" needs a prefix length of 0 to 128 after the slash");
  EXPECT_NE(complaint("10.0.0.0/"), "");
  EXPECT_NE(complaint("10.0.0.0/8x"), "");
  EXPECT_NE(complaint("mail.example.org"), "");
  EXPECT_NE(complaint(""), "");
}

}  // namespace
}  // namespace postern::net
