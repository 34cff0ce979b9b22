#include "proxy/lookup/lookup_request.h"

namespace postern {
namespace {

// As nginx does: what could end the field or look like an escape, and all that is not ASCII.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet <= ' ' || octet >= 0x7f || octet == '%') {
      out += '%';
      out += kDigits[octet >> 4U];
      out += kDigits[octet & 0xfU];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

// HTTP/1.0: the answer ends with the connection at the latest, and never comes in chunks.
std::string lookup_request(const LookupConfig& service, std::string_view user,
                           const net::Address& client) {
  std::string text = "GET ";
  text.append(service.target).append(" HTTP/1.0\r\nHost: ").append(service.authority);
  text.append("\r\nAuth-Method: none\r\nAuth-User: ").append(percent_encoded(user));
  text.append("\r\nAuth-Protocol: imap\r\nAuth-SSL: on\r\nClient-IP: ").append(client.ip_text());
  return text.append("\r\n\r\n");
}

}  // namespace postern
