// The names in a certificate, for choosing one and for people.
#pragma once

#include <string>
#include <vector>

#include "tls/internal/boringssl.h"

namespace postern::tls {

// Of its subjectAltName: dNSNames in lower case, and iPAddresses as text.
std::vector<std::string> dns_names(X509& certificate);
std::vector<std::string> ip_addresses(X509& certificate);
// UTF-8 without control characters; empty if there is none.
std::string common_name(X509& certificate);
// A whole name as in RFC 4514, "CN=R3,O=Let's Encrypt,C=US".
std::string name_text(X509_NAME& name);

}  // namespace postern::tls
