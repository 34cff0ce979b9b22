// What a policy would refuse, judged from a ClientHello alone: `tls.shadow_policy` counts the
// clients that a stricter policy would cut off, and refuses none.
#pragma once

#include <optional>
#include <span>

#include "tls/failure.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/policy.h"

namespace postern::tls {

// Why a server with `policy` would end this handshake, by the failure that it would report; nullopt
// if it would go on. `candidates` are the certificates for the name asked for. Judges only what
// depends on the policy.
std::optional<Failure> refusal(std::span<const CertificateStore::Certificate* const> candidates,
                               const SSL_CLIENT_HELLO& hello, const Policy& policy);

// Whether the hello and the policy have a group in common that this version has.
bool shares_group(const SSL_CLIENT_HELLO& hello, const Policy& policy, bool tls13);

}  // namespace postern::tls
