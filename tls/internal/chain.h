// Judges a certificate and what is sent after it as clients will: whether the chain is whole and in
// order, and whether the certificate is one for a server with a name. Set-up only.
#pragma once

#include <string>
#include <vector>

#include "tls/internal/boringssl.h"
#include "tls/internal/pem.h"

namespace postern::tls {

// The authorities that this system trusts, read when they are first asked for.
class SystemAuthorities {
 public:
  bool have(X509_NAME* name);

 private:
  bool read_ = false;
  bssl::UniquePtr<X509_STORE> store_;
};

// What clients may find wrong with `chain`, leaf first, each as a whole sentence without full stop
// about the file `path`. The dates are not looked at.
std::vector<std::string> judge_chain(const Octets& chain, const std::string& path,
                                     SystemAuthorities& authorities);

// Whether it is signed by its own key.
bool is_self_signed(X509& certificate);

}  // namespace postern::tls
