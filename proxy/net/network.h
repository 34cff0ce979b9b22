// Network: a block of addresses as configurations name it, "10.0.0.0/8" or "2001:db8::/32". A
// single address is a block of one. A value; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/address.h"

namespace postern::net {

class Network {
 public:
  // Refuses host bits that are set ("10.0.0.1/8"): they are most likely a mistake.
  static Result<Network> parse(std::string_view text);

  bool contains(const Address& address) const;
  std::string text() const;
  bool operator==(const Network&) const = default;

 private:
  std::array<uint8_t, 16> ip_{};
  uint8_t octets_ = 4;  // 4 or 16
  uint8_t bits_ = 0;
};

bool contains(const std::vector<Network>& networks, const Address& address);

}  // namespace postern::net
