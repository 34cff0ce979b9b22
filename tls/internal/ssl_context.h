// What every SSL_CTX of ours has in common: the one place where a Policy becomes BoringSSL's
// settings, so that no way into TLS can miss it.
#pragma once

#include "proxy/base/result.h"
#include "tls/internal/boringssl.h"
#include "tls/policy.h"

namespace postern::tls {

// Versions, suites and groups of `policy`; no session cache, no early data, no renegotiation.
// Certificates stay as octets: no X509 object is kept for a connection.
Result<bssl::UniquePtr<SSL_CTX>> make_ssl_context(const Policy& policy);

}  // namespace postern::tls
