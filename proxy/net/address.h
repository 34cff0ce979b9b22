// Address: an IPv4 or IPv6 socket address as a value. HostPort: a host and a port as configured,
// not yet resolved. Parsing refuses ambiguous text and says what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

struct sockaddr;
struct sockaddr_storage;

namespace postern::net {

// Trivially copyable, 20 bytes: kept per session.
class Address {
 public:
  Address() = default;
  // Not valid for any family but IPv4 and IPv6. A v4-mapped v6 address becomes v4.
  static Address from(const sockaddr& address);
  // `ip` has 4 or 16 octets in network order.
  static Address from_ip(Bytes ip, uint16_t port);
  // "192.0.2.1:993", "[2001:db8::1]:993", "[::]:0"; no names.
  static Result<Address> parse(std::string_view text);
  // "192.0.2.1", "2001:db8::1": without brackets and port, which is 0.
  static Result<Address> parse_ip(std::string_view text);

  bool is_v6() const { return family_ == Family::V6; }
  bool valid() const { return family_ != Family::None; }
  bool is_loopback() const;  // 127.0.0.0/8 or ::1: of this machine, whatever a packet says
  uint16_t port() const { return port_; }
  bool is_unspecified() const;  // 0.0.0.0 or :: (RFC 4291 §2.5.2)
  Bytes ip() const;             // 4 or 16 octets; empty if not valid
  std::string ip_text() const;  // "192.0.2.1", "2001:db8::1"
  std::string text() const;     // with port, brackets around v6
  // Fills `out` and returns its length. *this must be valid.
  unsigned to(sockaddr_storage& out) const;
  bool same_ip(const Address& other) const;  // the ports may differ
  bool operator==(const Address&) const = default;

 private:
  enum class Family : uint8_t { None, V4, V6 };
  uint8_t ip_[16] = {};
  uint16_t port_ = 0;
  Family family_ = Family::None;
};

struct HostPort {
  std::string host;  // a name or an address without brackets
  uint16_t port = 0;
  // "mail.internal:143", "192.0.2.1:143", "[::1]:143"; without a port, `default_port` (0: a port is
  // required). Port 0 is accepted: it means "any" to a listener, and a caller that connects must
  // refuse it.
  static Result<HostPort> parse(std::string_view text, uint16_t default_port);
  std::string text() const;
  bool operator==(const HostPort&) const = default;
};

}  // namespace postern::net
