#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "proxy/base/check.h"

namespace postern::net {
namespace {

// RFC 1035 §2.3.4: 255 octets on the wire are 253 characters; a label has at most 63.
constexpr size_t kMaxHost = 253;
constexpr size_t kMaxLabel = 63;

// Quotes text for a message to the operator: short, and without terminal control sequences.
std::string quoted(std::string_view text) {
  constexpr size_t kShown = 64;
  std::string out = "\"";
  for (const char c : text.substr(0, kShown)) {
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  out += text.size() > kShown ? "...\"" : "\"";
  return out;
}

Fault fault(std::string_view text, std::string_view what) {
  return {"", quoted(text) + " " + std::string(what)};
}

struct Split {
  std::string_view host;  // without brackets
  bool bracketed = false;
  std::optional<std::string_view> port;
};

Result<Split> split(std::string_view text) {
  if (text.empty()) {
    return fault(text, "is empty; write host:port");
  }
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; })) {
    return fault(text,
                 "has a space or a character that is not printable ASCII; write an "
                 "international name in its xn-- form");
  }
  if (text.find("://") != std::string_view::npos) {
    return fault(text, "is a URL; write host:port only");
  }
  Split parts;
  std::string_view rest;
  if (text.front() == '[') {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) {
      return fault(text, "has a [ without ]");
    }
    parts.bracketed = true;
    parts.host = text.substr(1, bracket - 1);
    rest = text.substr(bracket + 1);
    if (!rest.empty() && rest.front() != ':') {
      return fault(text, "has something other than :port after the ]");
    }
  } else {
    if (std::ranges::count(text, ':') > 1) {
      return fault(text, "looks like an IPv6 address without brackets; write [address]:port");
    }
    const size_t colon = std::min(text.find(':'), text.size());
    parts.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (parts.host.empty()) {
    return fault(text, "names no host; write host:port");
  }
  if (!rest.empty()) {
    parts.port = rest.substr(1);
  }
  return parts;
}

Result<uint16_t> parse_port(std::string_view whole, std::string_view digits) {
  if (digits.empty()) {
    return fault(whole, "has a colon but no port; write host:port");
  }
  unsigned port = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') {
      return fault(whole, "has a port that is not a number");
    }
    port = port * 10 + static_cast<unsigned>(c - '0');
    if (port > 65535) {
      return fault(whole, "has a port above 65535");
    }
  }
  return static_cast<uint16_t>(port);
}

bool is_v4(std::string_view host) {
  in_addr octets{};
  return inet_pton(AF_INET, std::string(host).c_str(), &octets) == 1;
}

bool is_v6(std::string_view host) {
  in6_addr octets{};
  return inet_pton(AF_INET6, std::string(host).c_str(), &octets) == 1;
}

bool is_label_char(char c) {
  // RFC 952 has no underscore in host names, but names in private zones and clusters do.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// What is wrong with a host name, or null.
const char* name_problem(std::string_view name) {
  if (name.back() == '.') {
    name.remove_suffix(1);  // the root: "mail.internal." is not tried with search domains
  }
  if (name.size() > kMaxHost) {
    return "has a host name of more than 253 characters";
  }
  std::string_view label;
  for (size_t at = 0; at <= name.size(); at += label.size() + 1) {
    label = name.substr(at, name.find('.', at) - at);
    if (label.empty()) {
      return "has a host name with an empty part";
    }
    if (label.size() > kMaxLabel) {
      return "has a host name with a part of more than 63 characters";
    }
    if (!std::ranges::all_of(label, is_label_char)) {
      return "has a character that no host name has; allowed are letters, digits, '-', '_' and '.'";
    }
    if (label.front() == '-' || label.back() == '-') {
      return "has a host name with a part that begins or ends with '-'";
    }
  }
  // getaddrinfo() would read "10.1" as 10.0.0.1 and "010.0.0.1" as 8.0.0.1.
  if (std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; }) && !is_v4(name)) {
    return "is neither an IPv4 address of four numbers up to 255 nor a name";
  }
  return nullptr;
}

}  // namespace

Address Address::from_ip(Bytes ip, uint16_t port) {
  if (ip.size() == 4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
    return from(reinterpret_cast<const sockaddr&>(v4));
  }
  check(ip.size() == 16, "an address has 4 or 16 octets");
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
  return from(reinterpret_cast<const sockaddr&>(v6));
}

Address Address::from(const sockaddr& address) {
  Address out;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    std::memcpy(out.ip_, &v4.sin_addr, 4);
    out.port_ = ntohs(v4.sin_port);
    out.family_ = Family::V4;
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    const auto& octets = v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      std::memcpy(out.ip_, octets + 12, 4);
      out.family_ = Family::V4;
    } else {
      std::memcpy(out.ip_, octets, 16);
      out.family_ = Family::V6;
    }
    out.port_ = ntohs(v6.sin6_port);
  }
  return out;
}

Result<Address> Address::parse(std::string_view text) {
  const Result<Split> parts = split(text);
  if (!parts) {
    return parts.faults();
  }
  const auto& [host, bracketed, port_text] = parts.value();
  if (!port_text) {
    return fault(text, "has no port; write address:port");
  }
  const Result<uint16_t> port = parse_port(text, *port_text);
  if (!port) {
    return port.faults();
  }
  const std::string host_text(host);
  if (bracketed) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port.value());
    if (inet_pton(AF_INET6, host_text.c_str(), &v6.sin6_addr) != 1) {
      return fault(text, "has no IPv6 address between its brackets");
    }
    return from(reinterpret_cast<const sockaddr&>(v6));
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port.value());
  if (inet_pton(AF_INET, host_text.c_str(), &v4.sin_addr) != 1) {
    return fault(text, "is not an IP address and port, such as 192.0.2.1:993 or [2001:db8::1]:993");
  }
  return from(reinterpret_cast<const sockaddr&>(v4));
}

bool Address::same_ip(const Address& other) const {
  return family_ == other.family_ && std::ranges::equal(ip(), other.ip());
}

Bytes Address::ip() const {
  switch (family_) {
    case Family::V4:
      return {ip_, 4};
    case Family::V6:
      return {ip_, 16};
    case Family::None:
      break;
  }
  return {};
}

Result<Address> Address::parse_ip(std::string_view text) {
  const bool is_v6 = text.find(':') != std::string_view::npos;
  return parse((is_v6 ? "[" : "") + std::string(text) + (is_v6 ? "]:0" : ":0"));
}

bool Address::is_unspecified() const {
  const Bytes octets = ip();
  return valid() && std::all_of(octets.begin(), octets.end(), [](uint8_t o) { return o == 0; });
}

bool Address::is_loopback() const {
  const Bytes octets = ip();
  if (!is_v6()) {
    return !octets.empty() && octets[0] == 127;
  }
  return octets.back() == 1 &&
         std::all_of(octets.begin(), octets.end() - 1, [](uint8_t octet) { return octet == 0; });
}

std::string Address::ip_text() const {
  if (!valid()) {
    return "";
  }
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(is_v6() ? AF_INET6 : AF_INET, ip_, buffer, sizeof(buffer));
}

std::string Address::text() const {
  if (!valid()) {
    return "unknown";
  }
  const std::string ip = ip_text();
  return (is_v6() ? "[" + ip + "]" : ip) + ":" + std::to_string(port_);
}

unsigned Address::to(sockaddr_storage& out) const {
  check(valid(), "only a valid address has a socket address");
  std::memset(&out, 0, sizeof(out));
  if (is_v6()) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port_);
    std::memcpy(&v6.sin6_addr, ip_, 16);
    std::memcpy(&out, &v6, sizeof(v6));
    return sizeof(v6);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port_);
  std::memcpy(&v4.sin_addr, ip_, 4);
  std::memcpy(&out, &v4, sizeof(v4));
  return sizeof(v4);
}

Result<HostPort> HostPort::parse(std::string_view text, uint16_t default_port) {
  const Result<Split> parts = split(text);
  if (!parts) {
    return parts.faults();
  }
  const auto& [host, bracketed, port_text] = parts.value();
  if (bracketed && !is_v6(host)) {
    return fault(text, "has no IPv6 address between its brackets");
  }
  if (const char* problem = bracketed ? nullptr : name_problem(host)) {
    return fault(text, problem);
  }
  if (!port_text && default_port == 0) {
    return fault(text, "has no port; write host:port");
  }
  uint16_t number = default_port;
  if (port_text) {
    const Result<uint16_t> port = parse_port(text, *port_text);
    if (!port) {
      return port.faults();
    }
    number = port.value();
  }
  return HostPort{std::string(host), number};
}

std::string HostPort::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace postern::net
