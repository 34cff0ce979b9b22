// OCSP responses (RFC 6960) from a file, checked against the certificate that they belong to. The
// file is the operator's, but its content came from a server: everything is bounded and checked,
// except the signature, which the client verifies and which is of no use to us. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/result.h"

namespace postern::tls {

// The certificate that a response must be about, as DER.
struct OcspSubject {
  std::string issuer_name;  // the leaf's issuer, a whole Name
  std::string issuer_key;   // its subjectPublicKey without tag, length and unused bits; "": unknown
  std::string serial;       // the leaf's, a whole INTEGER
};

struct Staple {
  std::string der;          // goes to the client unchanged
  int64_t this_update = 0;  // seconds since 1970
  int64_t next_update = 0;  // from then on it is out of date
  bool fresh_at(int64_t now_s) const { return this_update <= now_s && now_s < next_update; }
};

// The message of a fault follows "ocsp FILE ". Does not check whether the response is still fresh.
Result<Staple> read_staple(std::string der, const OcspSubject& subject);

}  // namespace postern::tls
