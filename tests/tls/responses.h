// OCSP responses for tests, right or wrong in any way wanted. Unsigned: the code under test checks
// no signature.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/ocsp.h"

namespace postern::test {

inline tls::OcspSubject subject() {
  return {"issuer's name", "issuer's key", std::string("\x02\x01\x42", 3)};
}

struct Response {
  uint8_t response_status = 0;
  int others_before = 0;
  unsigned status = 0;  // good, revoked, unknown
  std::string this_update = "20260101000000Z";
  std::string next_update = "20260108000000Z";  // "": left out
};

namespace der {

inline std::string element(unsigned tag, const std::string& content) {
  bssl::ScopedCBB cbb;
  CBB inner;
  uint8_t* data = nullptr;
  size_t size = 0;
  check(CBB_init(cbb.get(), 64) == 1 && CBB_add_asn1(cbb.get(), &inner, tag) == 1 &&
            CBB_add_bytes(&inner, as_bytes(content).data(), content.size()) == 1 &&
            CBB_finish(cbb.get(), &data, &size) == 1,
        "an element can be made");
  const bssl::UniquePtr<uint8_t> free_data(data);
  return std::string(as_text({data, size}));
}
inline std::string sequence(const std::string& content) {
  return element(CBS_ASN1_SEQUENCE, content);
}
inline std::string context(unsigned number, const std::string& content, bool constructed = true) {
  return element(CBS_ASN1_CONTEXT_SPECIFIC | (constructed ? CBS_ASN1_CONSTRUCTED : 0U) | number,
                 content);
}
inline std::string time(const std::string& text) {
  return element(CBS_ASN1_GENERALIZEDTIME, text);
}
inline std::string sha1(const std::string& text) {
  uint8_t digest[SHA_DIGEST_LENGTH];
  SHA1(as_bytes(text).data(), text.size(), digest);
  return element(CBS_ASN1_OCTETSTRING, std::string(as_text(digest)));
}

}  // namespace der

inline std::string encode_single(const Response& response, const std::string& serial) {
  const std::string sha1_oid("\x2b\x0e\x03\x02\x1a", 5);
  const std::string id =
      der::sequence(der::sequence(der::element(CBS_ASN1_OBJECT, sha1_oid)) +
                    der::sha1(subject().issuer_name) + der::sha1(subject().issuer_key) + serial);
  const bool revoked = response.status == 1;
  const std::string status =
      der::context(response.status, revoked ? der::time("20260101000000Z") : "", revoked);
  const std::string next =
      response.next_update.empty() ? "" : der::context(0, der::time(response.next_update));
  return der::sequence(id + status + der::time(response.this_update) + next);
}

inline std::string encode(const Response& response) {
  std::string singles;
  for (int i = 0; i < response.others_before; ++i) {
    singles += encode_single(response, std::string("\x02\x01\x01", 3));
  }
  singles += encode_single(response, subject().serial);
  const std::string data = der::sequence(der::context(2, der::element(CBS_ASN1_OCTETSTRING, "id")) +
                                         der::time("20260101000000Z") + der::sequence(singles));
  const std::string basic_oid("\x2b\x06\x01\x05\x05\x07\x30\x01\x01", 9);
  const std::string status(1, static_cast<char>(response.response_status));
  return der::sequence(
      der::element(CBS_ASN1_ENUMERATED, status) +
      der::context(0, der::sequence(der::element(CBS_ASN1_OBJECT, basic_oid) +
                                    der::element(CBS_ASN1_OCTETSTRING, der::sequence(data)))));
}

}  // namespace postern::test
