// What a reload must not do: put a certificate that has ended in place of one that has not. A start
// serves such a certificate, because it has no better one. Pure functions.
#pragma once

#include <cstdint>

#include "proxy/base/result.h"
#include "tls/certificate_store.h"

namespace postern {

// One fault for each certificate of `renewed` that has ended by `now_s`, while the one of `former`
// from the same file, or else for its first name, has not.
Faults find_expired(const tls::CertificateStore& renewed, const tls::CertificateStore& former,
                    int64_t now_s);

}  // namespace postern
