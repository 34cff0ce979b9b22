#include "proxy/transport/proxy_protocol.h"

#include <algorithm>
#include <array>

#include "proxy/base/check.h"
#include "proxy/base/error_table.h"

namespace postern {
namespace {

constexpr const char* kReading = "reading the PROXY header";

constexpr ErrorTable<ProxyFailure> kFailures({
    {ProxyFailure::Missing, "missing",
     "the peer is in the listener's proxy_protocol.from but sent no header; let it send "
     "one, or take its network out of the list"},
    {ProxyFailure::Refused, "refused",
     "the peer is not in the listener's proxy_protocol.from but sent a header; add its "
     "network to the list, or let it send none"},
    {ProxyFailure::Repeated, "repeated",
     "a second header came after the first; of several proxies in a row only the last "
     "one may send its own"},
    {ProxyFailure::Malformed, "malformed", "the header is broken"},
    {ProxyFailure::TooLong, "too_long", "the header is too long"},
    {ProxyFailure::Unsupported, "unsupported",
     "the header is of a version or kind that is not defined"},
    {ProxyFailure::Truncated, "truncated", "the connection ended inside the header"},
    {ProxyFailure::Timeout, "timeout",
     "no whole header came within timeouts.handshake from a peer that is in the listener's "
     "proxy_protocol.from"},
    {ProxyFailure::Mixed, "mixed",
     "the header says TCP4 or TCP6, but the client's address is of the other family, as a "
     "proxy writes that takes the client's address from elsewhere (nginx with realip)"},
});

constexpr std::string_view kV1 = "PROXY ";
constexpr std::string_view kV2("\r\n\r\n\0\r\nQUIT\n", 12);

// The fixed part of version 2 (section 2.2).
constexpr size_t kVersionAt = 12;
constexpr size_t kFamilyAt = 13;
constexpr size_t kLengthAt = 14;
constexpr size_t kFixedSize = 16;
constexpr unsigned kVersion2 = 0x20;
constexpr unsigned kLocal = 0;
constexpr unsigned kProxy = 1;
constexpr unsigned kInet = 0x10;
constexpr unsigned kInet6 = 0x20;
constexpr unsigned kMostFamily = 0x30;  // AF_UNIX
constexpr unsigned kStream = 1;
constexpr unsigned kMostTransport = 2;  // datagrams

enum class Tlv : uint8_t {
  Alpn = 0x01,
  Authority = 0x02,
  UniqueId = 0x05,
  Ssl = 0x20,
  SslVersion = 0x21,
  SslCommonName = 0x22,
  SslCipher = 0x23,
};
constexpr unsigned kClientSsl = 0x01;
constexpr unsigned kCertificateInConnection = 0x02;
constexpr unsigned kCertificateInSession = 0x04;

// A longer name is left out rather than cut: half of a name is another name.
constexpr size_t kMaxName = 255;
constexpr size_t kMaxHeader = 1'500;

// Compares only as much as both have.
bool begins_alike(std::string_view text, std::string_view expected) {
  return text.substr(0, expected.size()) == expected.substr(0, text.size());
}

uint8_t octet(std::string_view text, size_t at) {
  return static_cast<uint8_t>(text[at]);
}

uint16_t number16(std::string_view text, size_t at) {
  return static_cast<uint16_t>(octet(text, at) << 8U | octet(text, at + 1));
}

void append16(std::string& out, size_t number) {
  out.push_back(static_cast<char>(number >> 8U));
  out.push_back(static_cast<char>(number & 0xffU));
}

void append_tlv(std::string& out, Tlv type, std::string_view value) {
  out.push_back(static_cast<char>(type));
  append16(out, value.size());
  out.append(value);
}

void append_name(std::string& out, Tlv type, std::string_view name) {
  if (!name.empty() && name.size() <= kMaxName) {
    append_tlv(out, type, name);
  }
}

std::string ssl_value(const tls::ClientFacts& client) {
  unsigned flags = kClientSsl;
  if (client.certificate) {
    flags |=
        client.resumed ? kCertificateInSession : kCertificateInSession | kCertificateInConnection;
  }
  std::string value(1, static_cast<char>(flags));
  // Zero only for a verified certificate; a bad one never gets here.
  value.append(std::string_view(client.certificate ? "\0\0\0\0" : "\0\0\0\1", 4));
  append_name(value, Tlv::SslVersion, client.version);
  append_name(value, Tlv::SslCipher, client.cipher);
  append_name(value, Tlv::SslCommonName, client.common_name);
  return value;
}

// Both addresses of a header, which has one family: IPv4 stands in IPv6 as a mapped address (RFC
// 4291 section 2.5.5.2). A destination that is not known is all zeroes.
struct Pair {
  Pair(const net::Address& from, const net::Address& to)
      : v6(from.is_v6() || (to.valid() && to.is_v6())), source(from), destination(to) {
    check(source.valid(), "only a valid address is announced");
    if (!destination.valid()) {
      constexpr std::array<uint8_t, 16> kZeroes{};
      destination = net::Address::from_ip(Bytes(kZeroes).first(source.ip().size()), 0);
    }
  }
  bool maps(const net::Address& address) const { return v6 && !address.is_v6(); }
  std::string text(const net::Address& address) const {
    return (maps(address) ? "::ffff:" : "") + address.ip_text();
  }
  std::string octets(const net::Address& address) const {
    constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    std::string whole(maps(address) ? kMapped : "");
    return whole.append(as_text(address.ip()));
  }

  const bool v6;
  const net::Address source;
  net::Address destination;
};

// "192.0.2.1" and "4711" of v1, as strictly as section 2.1 requires.
net::Address parse_address(std::string_view ip, std::string_view port, bool v6) {
  if (ip.find('[') != std::string_view::npos || (port.size() > 1 && port.front() == '0')) {
    return {};  // for Address::parse() they have a meaning
  }
  const std::string host(ip);
  const auto parsed = net::Address::parse((v6 ? "[" + host + "]:" : host + ":").append(port));
  return parsed ? parsed.value() : net::Address();
}

std::string_view take_field(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), field.size() + 1));
  return field;
}

}  // namespace

const ErrorDomain kProxyDomain = {"proxy", kFailures.rows()};

Error proxy_error(ProxyFailure failure) {
  return {&kProxyDomain, kReading, static_cast<int32_t>(failure)};
}

// ---- reading

ProxyReader::Step ProxyReader::feed(Bytes bytes, size_t& taken) {
  taken = 0;
  if (error_) {
    return Step::Failed;
  }
  const size_t before = received_.size();
  received_.append(as_text(bytes.first(std::min(bytes.size(), kMaxV2 - before))));
  size_t length = 0;
  const Step step = read(length);
  if (step == Step::Done) {
    taken = length - before;
    std::string().swap(received_);
  }
  return step;
}

// Looks at everything received, from the start each time: it is seldom more than one read, and
// bounded.
ProxyReader::Step ProxyReader::read(size_t& length) {
  if (begins_alike(received_, kV1)) {
    return received_.size() < kV1.size() ? Step::More : read_v1(length);
  }
  if (begins_alike(received_, kV2)) {
    return received_.size() <= kVersionAt ? Step::More : read_v2(length);
  }
  return fail(ProxyFailure::Missing);
}

ProxyReader::Step ProxyReader::read_v1(size_t& length) {
  const std::string_view text = received_;
  const size_t end = text.substr(0, kMaxV1).find_first_of("\r\n");
  if (end == std::string_view::npos) {
    return text.size() < kMaxV1 ? Step::More : fail(ProxyFailure::TooLong);
  }
  length = end + 2;
  if (text[end] != '\r') {
    return fail(ProxyFailure::Malformed);
  }
  if (length > kMaxV1) {
    return fail(ProxyFailure::TooLong);
  }
  if (text.size() < length) {
    return Step::More;
  }
  header_.version = 1;
  if (text[end + 1] != '\n') {
    return fail(ProxyFailure::Malformed);
  }
  const auto failure = take_v1(text.substr(kV1.size(), end - kV1.size()));
  return failure ? fail(*failure) : Step::Done;
}

// The family is the client's. nginx with realip takes the client from one place and its own address
// from another: a destination of the other family leaves no doubt about the client, and is taken.
std::optional<ProxyFailure> ProxyReader::take_v1(std::string_view line) {
  const std::string_view family = take_field(line);
  if (family == "UNKNOWN") {
    return std::nullopt;  // the rest of the line is ignored
  }
  const bool v6 = family == "TCP6";
  if (!v6 && family != "TCP4") {
    return ProxyFailure::Malformed;
  }
  const std::string_view source = take_field(line);
  const std::string_view destination = take_field(line);
  const std::string_view source_port = take_field(line);
  header_.source = parse_address(source, source_port, v6);
  header_.destination =
      parse_address(destination, line, destination.find(':') != std::string_view::npos);
  if (!header_.destination.valid()) {
    return ProxyFailure::Malformed;
  }
  if (!header_.source.valid()) {
    return parse_address(source, source_port, !v6).valid() ? ProxyFailure::Mixed
                                                           : ProxyFailure::Malformed;
  }
  return std::nullopt;
}

ProxyReader::Step ProxyReader::read_v2(size_t& length) {
  const std::string_view text = received_;
  const unsigned command = octet(text, kVersionAt) ^ kVersion2;
  if (command > kProxy) {
    return fail(ProxyFailure::Unsupported);
  }
  if (text.size() <= kFamilyAt) {
    return Step::More;
  }
  const unsigned family = octet(text, kFamilyAt) & 0xf0U;
  const unsigned transport = octet(text, kFamilyAt) & 0x0fU;
  if (command != kLocal && (family > kMostFamily || transport > kMostTransport)) {
    return fail(ProxyFailure::Unsupported);
  }
  if (text.size() < kFixedSize) {
    return Step::More;
  }
  const size_t rest = number16(text, kLengthAt);
  length = kFixedSize + rest;
  const bool is_tcp = command == kProxy && transport == kStream;
  const size_t ip = is_tcp && family == kInet ? 4 : is_tcp && family == kInet6 ? 16 : 0;
  if (length > kMaxV2) {
    return fail(ProxyFailure::TooLong);
  }
  if (ip != 0 && rest < 2 * (ip + 2)) {
    return fail(ProxyFailure::Malformed);
  }
  if (text.size() < length) {
    return Step::More;
  }
  header_.version = 2;
  if (ip != 0) {
    const Bytes addresses = as_bytes(text.substr(kFixedSize));
    const size_t ports = kFixedSize + 2 * ip;
    header_.source = net::Address::from_ip(addresses.first(ip), number16(text, ports));
    header_.destination =
        net::Address::from_ip(addresses.subspan(ip, ip), number16(text, ports + 2));
  }
  return Step::Done;
}

ProxyReader::Step ProxyReader::fail(ProxyFailure failure) {
  error_ = proxy_error(failure);
  return Step::Failed;
}

// ---- writing

std::string proxy_header_v1(const net::Address& source, const net::Address& destination) {
  const Pair pair(source, destination);
  std::string header(kV1);
  header.append(pair.v6 ? "TCP6 " : "TCP4 ").append(pair.text(pair.source)).append(" ");
  header.append(pair.text(pair.destination)).append(" ");
  header.append(std::to_string(pair.source.port())).append(" ");
  header.append(std::to_string(pair.destination.port()));
  return header.append("\r\n");
}

std::string proxy_header_v2(const net::Address& source, const net::Address& destination,
                            const tls::ClientFacts& client, std::string_view unique_id) {
  const Pair pair(source, destination);
  std::string rest = pair.octets(pair.source) + pair.octets(pair.destination);
  append16(rest, pair.source.port());
  append16(rest, pair.destination.port());
  append_name(rest, Tlv::Alpn, client.alpn);
  append_name(rest, Tlv::Authority, client.server_name);
  append_name(rest, Tlv::UniqueId, unique_id);
  append_tlv(rest, Tlv::Ssl, ssl_value(client));
  std::string header(kV2);
  header.push_back(static_cast<char>(kVersion2 | kProxy));
  header.push_back(static_cast<char>((pair.v6 ? kInet6 : kInet) | kStream));
  append16(header, rest.size());
  header.append(rest);
  check(header.size() <= kMaxHeader, "every part of the header is bounded");
  return header;
}

}  // namespace postern
