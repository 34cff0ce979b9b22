// A throw-away certificate, for first steps and tests of a deployment. Set-up only.
#pragma once

#include <string>
#include <vector>

#include "tls/internal/certificate.h"

namespace postern::tls {

// ECDSA P-256 for `names` (dNSName, or iPAddress for a literal), valid from now for 30 days. Null
// if a name is not ASCII or if there is none.
CertificatePtr make_self_signed(const std::vector<std::string>& names);

}  // namespace postern::tls
