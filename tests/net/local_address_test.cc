#include "proxy/net/local_address.h"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

TEST(LocalAddress, IsOneOfThisMachine) {
  EXPECT_TRUE(is_local(Address::parse("127.0.0.1:0").value()));
  EXPECT_TRUE(is_local(Address::parse("127.1.2.3:0").value()));
  EXPECT_FALSE(is_local(Address::parse("192.0.2.7:0").value()));
  EXPECT_FALSE(is_local(Address::parse("[2001:db8::7]:0").value()));
}

TEST(LocalPorts, AreThoseOfTheRange) {
  EXPECT_EQ(local_ports("32768\t60999\n"), 28'232U);
  EXPECT_EQ(local_ports("1024 65535"), 64'512U);
  EXPECT_EQ(local_ports("5 5"), 1U);
  EXPECT_EQ(local_ports(""), 0U);
  EXPECT_EQ(local_ports("5 4"), 0U);
  EXPECT_EQ(local_ports("x"), 0U);
  EXPECT_GT(local_ports(), 0U);
}

}  // namespace
}  // namespace postern::net
