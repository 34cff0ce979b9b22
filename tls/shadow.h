// What a policy would refuse, judged from a ClientHello alone: how `tls.shadow_policy` counts whom
// a stricter policy would cut off, while nobody is. Inside tls/ only.
#pragma once

#include <optional>
#include <span>

#include "tls/boringssl.h"
#include "tls/certificate.h"
#include "tls/failure.h"
#include "tls/policy.h"

namespace postern::tls {

// Why a server with `policy` would end this handshake, by the same names that it would give;
// nothing if it would go on. `candidates` are the certificates for the name asked for. Only what
// depends on the policy is judged.
std::optional<Failure> refusal(std::span<const CertificateStore::Certificate* const> candidates,
                               const SSL_CLIENT_HELLO& hello, const Policy& policy);

}  // namespace postern::tls
