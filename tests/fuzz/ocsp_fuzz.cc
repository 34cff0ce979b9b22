// An OCSP response of arbitrary octets, held against the certificate that the corpus is about.
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/check.h"
#include "tls/internal/ocsp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string der(postern::as_text({data, size}));
  const postern::tls::OcspSubject subject{"issuer's name", "issuer's key",
                                          std::string("\x02\x01\x42", 3)};
  const auto staple = postern::tls::read_staple(der, subject);
  if (staple) {
    postern::check(staple.value().der == der, "what is served is what was read");
  } else {
    postern::check(!staple.faults().front().message.empty(), "a useless response has a reason");
  }
  return 0;
}
