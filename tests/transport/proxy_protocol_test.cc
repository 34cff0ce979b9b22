#include "proxy/transport/proxy_protocol.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/every_split.h"

namespace postern {
namespace {

using Step = ProxyReader::Step;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kV1 = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\r\n";

std::string octets(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) {
    text.push_back(static_cast<char>(value));
  }
  return text;
}

// A header of version 2 with these bytes after its length.
std::string v2(int version_and_command, int family, const std::string& rest) {
  const auto size = static_cast<int>(rest.size());
  return std::string(kSignature) + octets({version_and_command, family, size / 256, size % 256}) +
         rest;
}

const std::string kV4Addresses = octets({192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x67, 0x03, 0xe1});
const std::string kV6Addresses = octets({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) +
                                 octets({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}) +
                                 octets({0x12, 0x67, 0x03, 0xe1});

// The outcome of a reader for some bytes, and the bytes it left.
std::string read(const std::vector<std::string_view>& pieces) {
  ProxyReader reader;
  Step step = Step::More;
  std::string left;
  for (const std::string_view piece : pieces) {
    size_t taken = 0;
    if (step == Step::More) {
      step = reader.feed(as_bytes(piece), taken);
    }
    left += step == Step::Done ? piece.substr(taken) : "";
  }
  if (step == Step::More) {
    return "more";
  }
  if (step == Step::Failed) {
    size_t taken = 1;
    EXPECT_EQ(reader.feed(as_bytes("PROXY UNKNOWN\r\n"), taken), Step::Failed) << "again";
    EXPECT_EQ(taken, 0U);
    return reader.error().label();
  }
  const ProxyHeader& header = reader.header();
  return "v" + std::to_string(header.version) + " " + header.source.text() + " " +
         header.destination.text() + "|" + left;
}

// The outcome, which must be the same wherever the network cuts.
std::string read_everywhere(const std::string& bytes) {
  return test::every_split({test::client(bytes)}, [](const std::vector<test::Arrival>& arrivals) {
    return read(arrivals.front().pieces);
  });
}

// ---- reading version 1

TEST(ProxyReader, TakesVersion1AndLeavesWhatFollows) {
  EXPECT_EQ(read_everywhere(std::string(kV1) + "\x16\x03\x01"),
            "v1 192.0.2.1:4711 198.51.100.2:993|\x16\x03\x01");
  EXPECT_EQ(read_everywhere("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\na NOOP\r\n"),
            "v1 [2001:db8::1]:65535 [2001:db8::2]:0|a NOOP\r\n");
}

TEST(ProxyReader, KeepsTheConnectionsOwnAddressWhenVersion1KnowsNone) {
  EXPECT_EQ(read_everywhere("PROXY UNKNOWN\r\nx"), "v1 unknown unknown|x");
  const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(read_everywhere("PROXY UNKNOWN " + longest + " " + longest + " 65535 65535\r\n"),
            "v1 unknown unknown|");
}

TEST(ProxyReader, RefusesAnythingElseInVersion1) {
  for (const char* line :
       {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 4711 993\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 4711 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 04711 993\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 -1 993\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 4711 993\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.2 4711 993\r\n",
        "PROXY TCP4 192.0.2.1 2001:db8::x 1 2\r\n", "PROXY TCP6 [2001:db8::1] 2001:db8::2 1 2\r\n",
        "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", "PROXY UDP4 192.0.2.1 198.51.100.2 4711 993\r\n",
        "PROXY  UNKNOWN\r\n", "PROXY \r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\rx"}) {
    EXPECT_EQ(read_everywhere(line), "malformed") << line;
  }
}

// As nginx writes it: the client is realip's, the destination nginx's own.
TEST(ProxyReader, TakesADestinationOfTheOtherFamilyInVersion1) {
  EXPECT_EQ(read_everywhere("PROXY TCP4 192.0.2.1 2001:db8::2 4711 993\r\nx"),
            "v1 192.0.2.1:4711 [2001:db8::2]:993|x");
  EXPECT_EQ(read_everywhere("PROXY TCP6 2001:db8::1 198.51.100.2 4711 993\r\nx"),
            "v1 [2001:db8::1]:4711 198.51.100.2:993|x");
}

TEST(ProxyReader, SaysThatAClientsFamilyIsNotTheHeaders) {
  EXPECT_EQ(read_everywhere("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), "mixed");
  EXPECT_EQ(read_everywhere("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), "mixed");
  EXPECT_EQ(read_everywhere("PROXY TCP6 192.0.2.1 2001:db8::2 1 2\r\n"), "mixed");
  const std::string text = proxy_error(ProxyFailure::Mixed).text();
  EXPECT_NE(text.find("TCP4 or TCP6"), std::string::npos) << text;
  EXPECT_NE(text.find("nginx with realip"), std::string::npos) << text;
}

TEST(ProxyReader, BoundsVersion1) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string fits(ProxyReader::kMaxV1 - start.size() - 2, 'x');
  EXPECT_EQ(read_everywhere(start + fits + "\r\n"), "v1 unknown unknown|");
  EXPECT_EQ(read_everywhere(start + fits + "x\r\n"), "too_long");
  EXPECT_EQ(read_everywhere(start + fits + "xxxxx"), "too_long");
}

// ---- reading version 2

TEST(ProxyReader, TakesVersion2AndLeavesWhatFollows) {
  EXPECT_EQ(read_everywhere(v2(0x21, 0x11, kV4Addresses) + "\x16"),
            "v2 192.0.2.1:4711 198.51.100.2:993|\x16");
  EXPECT_EQ(read_everywhere(v2(0x21, 0x21, kV6Addresses + octets({4, 0, 2, 9, 9})) + "a"),
            "v2 [2001:db8::1]:4711 [2001:db8::2]:993|a");
}

TEST(ProxyReader, KeepsTheConnectionsOwnAddressWhenVersion2KnowsNone) {
  EXPECT_EQ(read_everywhere(v2(0x20, 0, "") + "x"), "v2 unknown unknown|x");
  EXPECT_EQ(read_everywhere(v2(0x20, 0x11, kV4Addresses)), "v2 unknown unknown|") << "LOCAL";
  EXPECT_EQ(read_everywhere(v2(0x20, 0xff, "ab")), "v2 unknown unknown|") << "LOCAL of any family";
  EXPECT_EQ(read_everywhere(v2(0x21, 0x00, "abc")), "v2 unknown unknown|") << "AF_UNSPEC";
  EXPECT_EQ(read_everywhere(v2(0x21, 0x31, std::string(216, 'u'))), "v2 unknown unknown|")
      << "AF_UNIX";
  EXPECT_EQ(read_everywhere(v2(0x21, 0x12, kV4Addresses)), "v2 unknown unknown|") << "UDP";
}

TEST(ProxyReader, RefusesWhatVersion2DoesNotDefine) {
  EXPECT_EQ(read_everywhere(v2(0x11, 0x11, kV4Addresses)), "unsupported");
  EXPECT_EQ(read_everywhere(v2(0x31, 0x11, kV4Addresses)), "unsupported");
  EXPECT_EQ(read_everywhere(v2(0x22, 0x11, kV4Addresses)), "unsupported");
  EXPECT_EQ(read_everywhere(v2(0x21, 0x41, kV4Addresses)), "unsupported");
  EXPECT_EQ(read_everywhere(v2(0x21, 0x13, kV4Addresses)), "unsupported");
  EXPECT_EQ(read_everywhere(v2(0x21, 0x11, kV4Addresses.substr(1))), "malformed");
  EXPECT_EQ(read_everywhere(v2(0x21, 0x21, kV6Addresses.substr(1))), "malformed");
}

TEST(ProxyReader, BoundsVersion2) {
  const size_t room = ProxyReader::kMaxV2 - 16 - kV4Addresses.size();
  EXPECT_EQ(read({v2(0x21, 0x11, kV4Addresses + std::string(room, 't')) + "x"}),
            "v2 192.0.2.1:4711 198.51.100.2:993|x");
  EXPECT_EQ(read({v2(0x21, 0x11, kV4Addresses + std::string(room + 1, 't'))}), "too_long");
  EXPECT_EQ(read_everywhere(v2(0x20, 0, std::string(65535, 'x')).substr(0, 20)), "too_long");
}

// ---- what both have in common

TEST(ProxyReader, WaitsForTheRestAtEveryTruncation) {
  for (const std::string& whole : {std::string(kV1), v2(0x21, 0x21, kV6Addresses + "\x04\x01z"),
                                   v2(0x20, 0, ""), std::string("PROXY UNKNOWN\r\n")}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      ProxyReader reader;
      size_t taken = 0;
      EXPECT_EQ(reader.feed(as_bytes(whole).first(size), taken), Step::More) << size;
      EXPECT_EQ(reader.begun(), size > 0);
    }
  }
}

TEST(ProxyReader, NamesAMissingHeaderAtTheFirstByteThatCannotBeOne) {
  for (const std::string& bytes :
       std::vector<std::string>{std::string("\x16\x03\x01", 3), "a NOOP\r\n", "GET / HTTP/1.0\r\n",
                                "PROXYX", "\r\na", std::string("\r\n\r\n\0\r\nQUIT\r", 12)}) {
    EXPECT_EQ(read_everywhere(bytes), "missing") << bytes;
  }
}

// ---- writing

net::Address address(const char* text) {
  return net::Address::parse(text).value();
}

TEST(ProxyHeader, OfVersion1MatchesTheSpecification) {
  EXPECT_EQ(proxy_header_v1(address("192.0.2.1:4711"), address("198.51.100.2:993")), kV1);
  EXPECT_EQ(proxy_header_v1(address("[2001:db8::1]:1"), address("[2001:db8::2]:2")),
            "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
}

// Dovecot refuses a header whose port is 0.
TEST(ProxyHeader, MapsAnAddressWhenTheOtherIsOfAnotherFamily) {
  EXPECT_EQ(proxy_header_v1(address("[2001:db8::1]:1"), address("192.0.2.1:2")),
            "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n");
  EXPECT_EQ(proxy_header_v1(address("192.0.2.1:1"), address("[2001:db8::1]:2")),
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n");
  EXPECT_EQ(read({proxy_header_v2(address("[2001:db8::1]:1"), address("192.0.2.1:2"), {}, "")}),
            "v2 [2001:db8::1]:1 192.0.2.1:2|");
  EXPECT_EQ(read({proxy_header_v2(address("192.0.2.1:1"), address("[2001:db8::1]:2"), {}, "")}),
            "v2 192.0.2.1:1 [2001:db8::1]:2|");
}

TEST(ProxyHeader, KeepsTheClientWhenTheDestinationIsNotKnown) {
  const std::string header = proxy_header_v2(address("192.0.2.1:1"), {}, {}, "");
  EXPECT_EQ(read({header}), "v2 192.0.2.1:1 0.0.0.0:0|");
}

TEST(ProxyHeader, OfVersion2CarriesTheClientsTls) {
  const tls::ClientFacts facts{.version = "TLSv1.3",
                               .cipher = "TLS_AES_128_GCM_SHA256",
                               .server_name = "mail.example.org",
                               .alpn = "imap",
                               .common_name = "anna",
                               .certificate = true};
  const std::string header =
      proxy_header_v2(address("192.0.2.1:4711"), address("198.51.100.2:993"), facts, "0123");
  const std::string ssl = octets({7, 0, 0, 0, 0}) + octets({0x21, 0, 7}) + "TLSv1.3" +
                          octets({0x23, 0, 22}) + "TLS_AES_128_GCM_SHA256" + octets({0x22, 0, 4}) +
                          "anna";
  EXPECT_EQ(header, v2(0x21, 0x11,
                       kV4Addresses + octets({1, 0, 4}) + "imap" + octets({2, 0, 16}) +
                           "mail.example.org" + octets({5, 0, 4}) + "0123" +
                           octets({0x20, 0, static_cast<int>(ssl.size())}) + ssl));
  EXPECT_EQ(read_everywhere(header), "v2 192.0.2.1:4711 198.51.100.2:993|");
}

TEST(ProxyHeader, DistinguishesACertificateOfTheConnectionFromOneOfTheSession) {
  const auto ssl = [](bool certificate, bool resumed) {
    const std::string header =
        proxy_header_v2(address("192.0.2.1:1"), address("192.0.2.2:2"),
                        {.version = "TLSv1.2", .certificate = certificate, .resumed = resumed}, "");
    return header.substr(16 + 12 + 3, 5);
  };
  EXPECT_EQ(ssl(true, false), octets({7, 0, 0, 0, 0}));
  EXPECT_EQ(ssl(true, true), octets({5, 0, 0, 0, 0}));
  EXPECT_EQ(ssl(false, false), octets({1, 0, 0, 0, 1})) << "nothing was verified";
}

TEST(ProxyHeader, LeavesOutNamesThatAreTooLong) {
  const tls::ClientFacts facts{.version = "TLSv1.3",
                               .server_name = std::string(256, 's'),
                               .common_name = std::string(256, 'c')};
  const std::string header = proxy_header_v2(address("192.0.2.1:1"), {}, facts, "");
  EXPECT_EQ(header.find('s'), std::string::npos);
  EXPECT_EQ(header.find('c'), std::string::npos);
  EXPECT_NE(header.find("TLSv1.3"), std::string::npos);
}

}  // namespace
}  // namespace postern
