// The PROXY protocol (haproxy, doc/proxy-protocol.txt), versions 1 and 2, without sockets: reading
// the header in which a load balancer announces its client, and writing the one that announces ours
// to a backend. The configuration says whether a header is expected; it is never guessed from
// bytes. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/net/address.h"
#include "tls/engine.h"

namespace postern {

// What can be wrong with a PROXY header. The labels are for metrics; the texts also say what to
// change.
enum class ProxyFailure : int32_t {
  Missing,      // required, but the first bytes are something else
  Refused,      // from a peer that may not send one
  Repeated,     // a second one after the first
  Malformed,    // begins like a header, but is not one
  TooLong,      // beyond ProxyReader::kMaxV1 or kMaxV2
  Unsupported,  // version 3 and later, and what version 2 does not define
  Truncated,    // the connection ended inside it
  Timeout,      // no complete header in time
  Mixed,        // version 1: the family says one thing, the client's address another
};
extern const ErrorDomain kProxyDomain;
Error proxy_error(ProxyFailure failure);

struct ProxyHeader {
  int version = 0;
  // Not valid if the header names no client (UNKNOWN, LOCAL, or a family without IP addresses):
  // then the connection's own addresses count (section 2).
  net::Address source;
  net::Address destination;
};

// Reads one header from the start of a connection. It owns memory only while the header is not
// complete.
class ProxyReader {
 public:
  enum class Step : uint8_t { More, Done, Failed };
  static constexpr size_t kMaxV1 = 107;       // with its CRLF (section 2.1)
  static constexpr size_t kMaxV2 = 4 * kKiB;  // with its TLVs

  // Takes bytes up to the header's end; `taken` says how many: what follows belongs to the client.
  // Must not be called again after Done; after Failed it fails again.
  Step feed(Bytes bytes, size_t& taken);
  bool begun() const { return !received_.empty(); }  // a part of it has arrived
  const ProxyHeader& header() const { return header_; }
  const Error& error() const { return error_; }

 private:
  Step read(size_t& length);
  Step read_v1(size_t& length);
  Step read_v2(size_t& length);
  std::optional<ProxyFailure> take_v1(std::string_view line);
  Step fail(ProxyFailure failure);

  std::string received_;
  ProxyHeader header_;
  Error error_;
};

// "PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\r\n". `source` must be valid. A destination of the
// other family cannot be written; zeroes stand for it.
std::string proxy_header_v1(const net::Address& source, const net::Address& destination);

// The same in version 2, with TLVs for the client's TLS (section 2.2: ALPN, AUTHORITY, SSL with
// version, cipher and the certificate's common name) and for `unique_id`, if that is not empty. At
// most 1,500 octets, which is what Dovecot takes.
std::string proxy_header_v2(const net::Address& source, const net::Address& destination,
                            const tls::ClientFacts& client, std::string_view unique_id);

}  // namespace postern
