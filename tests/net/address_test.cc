#include "proxy/net/address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include <gtest/gtest.h>

namespace postern::net {
namespace {

template <typename T>
std::string complaint(const Result<T>& result) {
  return result ? "accepted" : result.faults().front().text();
}

TEST(Address, PrintsWhatItParses) {
  for (const char* text : {"192.0.2.1:993", "0.0.0.0:0", "255.255.255.255:65535",
                           "[2001:db8::1]:993", "[::]:0", "[fe80::1:2]:143"}) {
    const Result<Address> address = Address::parse(text);
    ASSERT_TRUE(address) << complaint(address);
    EXPECT_EQ(address.value().text(), text);
  }
}

TEST(Address, KnowsItsParts) {
  const Address v4 = Address::parse("192.0.2.1:993").value();
  EXPECT_TRUE(v4.valid());
  EXPECT_FALSE(v4.is_v6());
  EXPECT_EQ(v4.port(), 993);
  EXPECT_EQ(v4.ip_text(), "192.0.2.1");
  EXPECT_EQ(std::string(as_text(v4.ip())), std::string("\xC0\x00\x02\x01", 4));
  const Address v6 = Address::parse("[2001:db8::1]:143").value();
  EXPECT_TRUE(v6.is_v6());
  EXPECT_EQ(v6.ip_text(), "2001:db8::1");
  EXPECT_EQ(v6.ip().size(), 16U);
  EXPECT_FALSE(v4 == v6);
  EXPECT_EQ(v4, Address::parse("192.0.2.1:993").value());
}

TEST(Address, KnowsThisMachine) {
  for (const char* text : {"127.0.0.1:1", "127.255.3.4:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(Address::parse(text).value().is_loopback()) << text;
  }
  for (const char* text : {"128.0.0.1:1", "192.0.2.127:1", "[::]:1", "[::2]:1", "[2001:db8::1]:1",
                           "[7f00::1]:1", "0.0.0.0:1"}) {
    EXPECT_FALSE(Address::parse(text).value().is_loopback()) << text;
  }
  EXPECT_FALSE(Address().is_loopback());
}

TEST(Address, SurvivesASockaddr) {
  for (const char* text : {"192.0.2.1:993", "[2001:db8::1]:143"}) {
    const Address address = Address::parse(text).value();
    sockaddr_storage form;
    const unsigned length = address.to(form);
    EXPECT_EQ(length, address.is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    EXPECT_EQ(Address::from(reinterpret_cast<const sockaddr&>(form)), address);
  }
}

TEST(Address, ReadsMappedAddressesAsIPv4) {
  EXPECT_EQ(Address::parse("[::ffff:192.0.2.1]:993").value(),
            Address::parse("192.0.2.1:993").value());
}

TEST(Address, IsNotValidForOtherFamilies) {
  sockaddr_storage form{};
  form.ss_family = AF_UNIX;
  const Address address = Address::from(reinterpret_cast<const sockaddr&>(form));
  EXPECT_FALSE(address.valid());
  EXPECT_TRUE(address.ip().empty());
  EXPECT_EQ(address.text(), "unknown");
}

TEST(Address, SaysWhatIsWrong) {
  const struct {
    const char *text, *words;
  } cases[] = {
      {"", "is empty"},
      {"192.0.2.1", "has no port"},
      {"[::1]", "has no port"},
      {"192.0.2.1:", "no port"},
      {"192.0.2.1:70000", "above 65535"},
      {"192.0.2.1:99999999999999999999", "above 65535"},
      {"192.0.2.1:-1", "not a number"},
      {"192.0.2.1:+1", "not a number"},
      {"192.0.2.1:0x1", "not a number"},
      {"192.0.2.1:99 ", "has a space"},
      {"192.0.2.1:99\n", "has a space"},
      {"[::1:993", "[ without ]"},
      {"[::1]993", "other than :port"},
      {"::1:993", "without brackets"},
      {"[]:993", "names no host"},
      {":993", "names no host"},
      {"[192.0.2.1]:993", "no IPv6 address"},
      {"[fe80::1%eth0]:993", "no IPv6 address"},
      {"192.0.2:993", "is not an IP address"},
      {"mail.internal:993", "is not an IP address"},
  };
  for (const auto& [text, words] : cases) {
    EXPECT_NE(complaint(Address::parse(text)).find(words), std::string::npos)
        << text << " -> " << complaint(Address::parse(text));
  }
}

TEST(HostPort, PrintsWhatItParses) {
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                              std::string(63, 'c') + "." + std::string(61, 'd');
  for (const std::string& text :
       {std::string("mail.internal:143"), std::string("192.0.2.1:143"), std::string("[::1]:143"),
        std::string("mail.internal.:1"), std::string("my_mail-1.ns.svc:0"),
        std::string("xn--bcher-kva.example:65535"), longest + ":143"}) {
    const Result<HostPort> host = HostPort::parse(text, 0);
    ASSERT_TRUE(host) << complaint(host);
    EXPECT_EQ(host.value().text(), text);
  }
}

TEST(HostPort, TakesTheDefaultPortOnlyIfNoneIsGiven) {
  EXPECT_EQ(HostPort::parse("mail", 143).value(), (HostPort{"mail", 143}));
  EXPECT_EQ(HostPort::parse("[::1]", 143).value(), (HostPort{"::1", 143}));
  EXPECT_EQ(HostPort::parse("mail:993", 143).value(), (HostPort{"mail", 993}));
  EXPECT_NE(complaint(HostPort::parse("mail", 0)).find("has no port"), std::string::npos);
}

TEST(HostPort, SaysWhatIsWrong) {
  const struct {
    std::string text;
    const char* words;
  } cases[] = {
      {"", "is empty"},
      {":143", "names no host"},
      {"mail internal:143", "has a space"},
      {"mail\x01:143", "not printable"},
      {"b\xC3\xBC"
       "cher.example:143",
       "xn--"},
      {"mail:", "no port"},
      {"mail:imap", "not a number"},
      {"mail:65536", "above 65535"},
      {"::1:143", "without brackets"},
      {"[mail]:143", "no IPv6 address"},
      {"[::1", "[ without ]"},
      {"mail/x:143", "no host name has"},
      {"imap://mail:143", "is a URL"},
      {"mail..internal:143", "empty part"},
      {".:143", "empty part"},
      {"-mail:143", "begins or ends"},
      {"mail-.internal:143", "begins or ends"},
      {"192.0.2.300:143", "neither"},
      {"10.1:143", "neither"},
      {std::string(64, 'a') + ":143", "more than 63"},
      {std::string(127, 'a') + "." + std::string(126, 'b') + ":143", "more than 253"},
  };
  for (const auto& [text, words] : cases) {
    EXPECT_NE(complaint(HostPort::parse(text, 143)).find(words), std::string::npos)
        << text << " -> " << complaint(HostPort::parse(text, 143));
  }
}

TEST(HostPort, QuotesNoTerminalControls) {
  const std::string words = complaint(HostPort::parse("mail\x1b[31m" + std::string(500, 'x'), 143));
  EXPECT_EQ(words.find('\x1b'), std::string::npos);
  EXPECT_LT(words.size(), 250U);
}

TEST(Address, IsReadWithoutItsPort) {
  EXPECT_EQ(Address::parse_ip("192.0.2.7").value().text(), "192.0.2.7:0");
  EXPECT_EQ(Address::parse_ip("2001:db8::7").value().text(), "[2001:db8::7]:0");
  for (const char* text : {"", "192.0.2.7:143", "[2001:db8::7]", "2001:db8::7]:1", "mail.test"}) {
    EXPECT_FALSE(Address::parse_ip(text)) << text;
  }
}

TEST(Address, IsUnspecifiedIfAllItsOctetsAre0) {
  for (const char* text : {"0.0.0.0:1", "[::]:1"}) {
    EXPECT_TRUE(Address::parse(text).value().is_unspecified()) << text;
  }
  for (const char* text : {"0.0.0.1:1", "[::1]:1", "127.0.0.1:0"}) {
    EXPECT_FALSE(Address::parse(text).value().is_unspecified()) << text;
  }
  EXPECT_FALSE(Address().is_unspecified());
}

}  // namespace
}  // namespace postern::net
