#include "proxy/net/network.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace postern::net {
namespace {

Fault wrong(std::string_view text, const char* why) {
  return {.where = "", .message = "\"" + std::string(text) + "\" " + why};
}

// Whether the first `bits` bits of both are the same.
bool same_prefix(const uint8_t* a, const uint8_t* b, unsigned bits) {
  const unsigned whole = bits / 8;
  if (!std::equal(a, a + whole, b)) {
    return false;
  }
  const unsigned rest = bits % 8;
  const auto mask = static_cast<uint8_t>(0xFF00U >> rest);
  return rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0;
}

}  // namespace

Result<Network> Network::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view ip = text.substr(0, slash);
  const bool v6 = ip.find(':') != std::string_view::npos;
  const auto address = Address::parse((v6 ? "[" + std::string(ip) + "]" : std::string(ip)) + ":0");
  if (!address) {
    return wrong(text, "is no network; write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32");
  }
  Network network;
  const Bytes octets = address.value().ip();
  network.octets_ = static_cast<uint8_t>(octets.size());
  std::copy(octets.begin(), octets.end(), network.ip_.begin());
  const auto most = static_cast<unsigned>(octets.size() * 8);
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() ||
        bits > most) {
      return wrong(text, v6 ? "needs a prefix length of 0 to 128 after the slash"
                            : "needs a prefix length of 0 to 32 after the slash");
    }
  }
  network.bits_ = static_cast<uint8_t>(bits);
  std::array<uint8_t, 16> masked = network.ip_;
  for (unsigned bit = bits; bit < most; ++bit) {
    masked[bit / 8] = static_cast<uint8_t>(masked[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  if (masked != network.ip_) {
    Network meant = network;
    meant.ip_ = masked;
    return wrong(text, ("has address bits after its prefix; write " + meant.text()).c_str());
  }
  return network;
}

bool Network::contains(const Address& address) const {
  const Bytes ip = address.ip();
  return ip.size() == octets_ && same_prefix(ip_.data(), ip.data(), bits_);
}

std::string Network::text() const {
  return Address::from_ip({ip_.data(), octets_}, 0).ip_text() + "/" + std::to_string(bits_);
}

bool contains(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&address](const Network& network) { return network.contains(address); });
}

}  // namespace postern::net
