#include "tls/internal/ocsp.h"

#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "tls/internal/cbs.h"

namespace postern::tls {
namespace {

constexpr size_t kMaxBytes = 64 * kKiB;  // real ones have 0.5 to 2 KiB

constexpr unsigned kContext0 = CBS_ASN1_CONTEXT_SPECIFIC | 0;
constexpr unsigned kContext1 = CBS_ASN1_CONTEXT_SPECIFIC | 1;
constexpr unsigned kConstructed0 = kContext0 | CBS_ASN1_CONSTRUCTED;
constexpr unsigned kConstructed1 = kContext1 | CBS_ASN1_CONSTRUCTED;
constexpr unsigned kConstructed2 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 2;

// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1
constexpr std::string_view kBasic("\x2b\x06\x01\x05\x05\x07\x30\x01\x01", 9);

bool equals(const CBS& cbs, std::string_view text) {
  return CBS_mem_equal(&cbs, as_bytes(text).data(), text.size()) == 1;
}

// RFC 6960 §4.2.1: the envelope around the one type of response that is in use. nullopt if the
// responder failed or the envelope is broken.
std::optional<CBS> open_envelope(std::string_view der) {
  CBS in = reader_of(der);
  CBS response, status, explicit_bytes, bytes, type, basic;
  if (CBS_get_asn1(&in, &response, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&in) != 0 ||
      CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) != 1 ||
      !equals(status, std::string_view("\0", 1)) ||  // successful
      CBS_get_asn1(&response, &explicit_bytes, kConstructed0) != 1 ||
      CBS_get_asn1(&explicit_bytes, &bytes, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&bytes, &type, CBS_ASN1_OBJECT) != 1 || !equals(type, kBasic) ||
      CBS_get_asn1(&bytes, &basic, CBS_ASN1_OCTETSTRING) != 1) {
    return std::nullopt;
  }
  return basic;
}

// §4.2.1, BasicOCSPResponse and ResponseData: down to the list of single responses.
std::optional<CBS> single_responses(CBS octets) {
  CBS basic, data, responses;
  if (CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&basic, &data, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_optional_asn1(&data, nullptr, nullptr, kConstructed0) != 1) {  // version
    return std::nullopt;
  }
  const bool by_name = CBS_peek_asn1_tag(&data, kConstructed1) == 1;
  if (CBS_get_asn1(&data, nullptr, by_name ? kConstructed1 : kConstructed2) != 1 ||
      CBS_get_asn1(&data, nullptr, CBS_ASN1_GENERALIZEDTIME) != 1 ||  // producedAt
      CBS_get_asn1(&data, &responses, CBS_ASN1_SEQUENCE) != 1) {
    return std::nullopt;
  }
  return responses;
}

bool is_hash_of(const CBS& hash, const EVP_MD* algorithm, std::string_view text) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  return EVP_Digest(text.data(), text.size(), digest, &size, algorithm, nullptr) == 1 &&
         CBS_mem_equal(&hash, digest, size) == 1;
}

enum class About { Subject, Another, Broken };

// CertID names the certificate by hashes of its issuer's name and key, and by its serial number.
About about(CBS& single, const OcspSubject& subject) {
  CBS id, name_hash, key_hash, serial;
  if (CBS_get_asn1(&single, &id, CBS_ASN1_SEQUENCE) != 1) {
    return About::Broken;
  }
  const EVP_MD* algorithm = EVP_parse_digest_algorithm(&id);
  ERR_clear_error();
  if (algorithm == nullptr || CBS_get_asn1(&id, &name_hash, CBS_ASN1_OCTETSTRING) != 1 ||
      CBS_get_asn1(&id, &key_hash, CBS_ASN1_OCTETSTRING) != 1 ||
      CBS_get_asn1_element(&id, &serial, CBS_ASN1_INTEGER) != 1) {
    return About::Broken;
  }
  const bool same_key =
      subject.issuer_key.empty() || is_hash_of(key_hash, algorithm, subject.issuer_key);
  return equals(serial, subject.serial) && same_key &&
                 is_hash_of(name_hash, algorithm, subject.issuer_name)
             ? About::Subject
             : About::Another;
}

std::optional<int64_t> take_time(CBS& from) {
  CBS text;
  std::tm parts{};
  if (CBS_get_asn1(&from, &text, CBS_ASN1_GENERALIZEDTIME) != 1 ||
      CBS_parse_generalized_time(&text, &parts, /*allow_timezone_offset=*/0) != 1) {
    return std::nullopt;
  }
  return timegm(&parts);
}

Fault wrong(const char* what) {
  return {"", what};
}

// What follows the CertID: certStatus, thisUpdate, nextUpdate.
Result<Staple> read_single(CBS single, std::string der) {
  if (CBS_peek_asn1_tag(&single, kConstructed1) == 1) {
    return wrong("says that the certificate is revoked");
  }
  if (CBS_get_asn1(&single, nullptr, kContext0) != 1) {
    return wrong("says that its responder does not know the certificate");
  }
  const auto this_update = take_time(single);
  CBS explicit_next;
  int has_next = 0;
  if (!this_update.has_value() ||
      CBS_get_optional_asn1(&single, &explicit_next, &has_next, kConstructed0) != 1) {
    return wrong("has a date that cannot be read");
  }
  if (has_next == 0) {
    return wrong("has no nextUpdate, so it is unknown how long it is valid");
  }
  const auto next_update = take_time(explicit_next);
  if (!next_update.has_value()) {
    return wrong("has a date that cannot be read");
  }
  return Staple{std::move(der), *this_update, *next_update};
}

}  // namespace

Result<Staple> read_staple(std::string der, const OcspSubject& subject) {
  constexpr char kBroken[] = "is no OCSP response in DER, or a broken one";
  if (der.size() > kMaxBytes) {
    return wrong("is larger than 64 KiB");
  }
  const auto basic = open_envelope(der);
  if (!basic.has_value()) {
    return wrong("is no successful OCSP response in DER");
  }
  auto responses = single_responses(*basic);
  if (!responses.has_value()) {
    return wrong(kBroken);
  }
  while (CBS_len(&*responses) != 0) {
    CBS single;
    if (CBS_get_asn1(&*responses, &single, CBS_ASN1_SEQUENCE) != 1) {
      return wrong(kBroken);
    }
    switch (about(single, subject)) {
      case About::Subject:
        return read_single(single, std::move(der));
      case About::Another:
        break;
      case About::Broken:
        return wrong(kBroken);
    }
  }
  return wrong("is about another certificate");
}

}  // namespace postern::tls
