#include "tls/internal/file_kind.h"

#include <algorithm>

#include "tls/internal/cbs.h"
#include "tls/internal/pem.h"

namespace postern::tls {
namespace {

// 1.2.840.113549.1.7, PKCS #7 and its kinds.
constexpr std::string_view kPkcs7 = "\x2a\x86\x48\x86\xf7\x0d\x01\x07";

struct Kind {
  const char* what = nullptr;  // "a certificate in DER"
  const char* convert = "";    // a command, in which FILE stands for the file
};

constexpr Kind kCertificate = {"a certificate in DER", "openssl x509 -inform der -in FILE"};
constexpr Kind kRequest = {"a certificate request in DER, not the certificate", ""};
constexpr Kind kKey = {"a private key in DER", "openssl pkey -inform der -in FILE"};
constexpr Kind kPfx = {
    "PKCS #12 (PFX)",
    "openssl pkcs12 -in FILE -nokeys -out tls.crt; openssl pkcs12 -in FILE -nocerts -out tls.key"};
constexpr Kind kBundle = {"PKCS #7 in DER", "openssl pkcs7 -inform der -in FILE -print_certs"};

bool is_pkcs7_id(CBS& in) {
  CBS id;
  return CBS_get_asn1(&in, &id, CBS_ASN1_OBJECT) == 1 && CBS_len(&id) > kPkcs7.size() &&
         std::equal(kPkcs7.begin(), kPkcs7.end(), as_text({CBS_data(&id), CBS_len(&id)}).begin());
}

// By the first elements of the outer SEQUENCE: PKCS #12 (RFC 7292 §4) and private keys (RFC 5958,
// RFC 8017, RFC 5915) begin with a version, PKCS #7 with its type.
Kind kind_after_version(CBS content) {
  uint64_t version = 0;
  if (CBS_get_asn1_uint64(&content, &version) != 1) {
    return {};
  }
  if (version == 3) {
    return kPfx;
  }
  return version <= 1 ? kKey : Kind{};
}

// A certificate (RFC 5280 §4.1) has a version in [0] or, if it is old, a serial number and then the
// algorithm; a request (RFC 2986 §4.1) has version 0 and then a name; an encrypted key (RFC 5958
// §3) begins with an algorithm.
Kind kind_of_signed(CBS content) {
  CBS inner;
  CBS octets;
  if (CBS_get_asn1(&content, &inner, CBS_ASN1_SEQUENCE) != 1) {
    return {};
  }
  if (CBS_peek_asn1_tag(&inner, CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0) == 1) {
    return kCertificate;
  }
  if (CBS_peek_asn1_tag(&inner, CBS_ASN1_OBJECT) == 1) {
    const bool sealed = CBS_get_asn1(&content, &octets, CBS_ASN1_OCTETSTRING) == 1;
    return sealed && CBS_len(&content) == 0 ? kKey : Kind{};
  }
  return CBS_peek_asn1_tag(&inner, CBS_ASN1_INTEGER) == 1 ? kRequest : Kind{};
}

Kind kind_of_der(std::string_view octets) {
  CBS in = reader_of(octets);
  CBS content;
  if (octets.starts_with("\x30\x80")) {  // PKCS #7 and #12 may be BER, without lengths
    CBS_skip(&in, 2);
    content = in;
  } else if (CBS_get_asn1(&in, &content, CBS_ASN1_SEQUENCE) != 1) {
    return {};
  }
  if (CBS_peek_asn1_tag(&content, CBS_ASN1_INTEGER) == 1) {
    return kind_after_version(content);
  }
  if (CBS_peek_asn1_tag(&content, CBS_ASN1_OBJECT) == 1) {
    return is_pkcs7_id(content) ? kBundle : Kind{};
  }
  return kind_of_signed(content);
}

Kind kind_of_text(std::string_view content) {
  const std::string_view start = content.substr(0, content.find_first_of("\r\n"));
  if (content.starts_with("\xff\xfe") || content.starts_with("\xfe\xff") ||
      content.find(std::string_view("-\0-\0-", 5)) != std::string_view::npos) {
    return {"text in UTF-16; save it as ASCII or UTF-8", "iconv -f UTF-16 -t UTF-8 FILE"};
  }
  if (content.starts_with("PK\x03\x04")) {
    return {"a ZIP archive; unpack it", ""};
  }
  if (content.starts_with("\xfe\xed\xfe\xed")) {
    return {"a keystore of Java",
            "keytool -importkeystore -srckeystore FILE -destkeystore tls.p12"};
  }
  if (start.starts_with("PuTTY-User-Key-File")) {
    return {"a key of PuTTY for SSH, which TLS does not use", ""};
  }
  const std::string_view words =
      start.substr(std::min(start.find_first_not_of(" \t"), start.size()));
  if (words.starts_with("<!") || words.starts_with("<html") || words.starts_with("<HTML")) {
    return {"a web page, perhaps the answer to a download that failed", ""};
  }
  return {};
}

// Base64 without its BEGIN and END lines: a value copied from a Kubernetes Secret or a web form.
std::string describe_base64(std::string_view content) {
  std::string packed;
  packed.reserve(content.size());
  std::copy_if(content.begin(), content.end(), std::back_inserter(packed),
               [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  const Secret encoded(std::move(packed));
  std::string octets(encoded.text().size(), '\0');
  size_t size = 0;
  const bool decoded =
      EVP_DecodeBase64(reinterpret_cast<uint8_t*>(octets.data()), &size, octets.size(),
                       as_bytes(encoded.text()).data(), encoded.text().size()) == 1;
  ERR_clear_error();
  const Secret held(std::move(octets));
  if (!decoded || size == 0) {
    return "";
  }
  const std::string_view inner = std::string_view(held.text()).substr(0, size);
  if (inner.find("-----BEGIN ") != std::string_view::npos) {
    return "; it is a PEM file encoded once more in base64, as in a Secret: decode it with "
           "`base64 -d`";
  }
  return kind_of_der(inner).what == nullptr
             ? ""
             : "; it is base64 without the lines -----BEGIN …----- and -----END …-----";
}

std::string in_words(const Kind& kind, const std::string& path) {
  std::string command = kind.convert;
  for (size_t at = command.find("FILE"); at != std::string::npos;
       at = command.find("FILE", at + path.size())) {
    command.replace(at, 4, path);
  }
  return std::string("; it is ") + kind.what +
         (command.empty() ? "" : ", convert it with `" + command + "`");
}

struct LabelWords {
  std::string_view label;
  const char* words;
};

constexpr LabelWords kLabels[] = {
    {"CERTIFICATE", "a certificate"},
    {"X509 CERTIFICATE", "a certificate"},
    {"TRUSTED CERTIFICATE", "a certificate"},
    {"PRIVATE KEY", "a private key"},
    {"RSA PRIVATE KEY", "a private key"},
    {"EC PRIVATE KEY", "a private key"},
    {"ENCRYPTED PRIVATE KEY", "a private key"},
    {"CERTIFICATE REQUEST", "a certificate request; the authority's answer to it is wanted"},
    {"NEW CERTIFICATE REQUEST", "a certificate request; the authority's answer to it is wanted"},
    {"PKCS7", "PKCS #7, convert it with `openssl pkcs7 -print_certs`"},
    {"PUBLIC KEY", "a public key; the private one is wanted"},
    {"X509 CRL", "a revocation list"},
    {"OPENSSH PRIVATE KEY", "a key for SSH, which TLS does not use"},
    {"DH PARAMETERS", "Diffie-Hellman parameters"},
    {"EC PARAMETERS", "the name of a curve"},
};

// Of files that are PEM, but hold something else.
std::string describe_labels(std::string_view content) {
  const auto blocks = split_pem(content);
  if (!blocks || blocks.value().empty()) {
    return "";
  }
  const std::string_view label = blocks.value().back().label;  // parameters stand before a key
  const auto* known = std::find_if(std::begin(kLabels), std::end(kLabels),
                                   [&](const LabelWords& one) { return one.label == label; });
  return known == std::end(kLabels) ? "" : std::string("; it holds ") + known->words;
}

}  // namespace

std::string describe_kind(std::string_view content, const std::string& path) {
  if (content.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return "; it is empty";
  }
  const Kind text = kind_of_text(content);
  const Kind kind = text.what == nullptr ? kind_of_der(content) : text;
  if (kind.what != nullptr) {
    return in_words(kind, path);
  }
  std::string words = describe_labels(content);
  return words.empty() ? describe_base64(content) : words;
}

}  // namespace postern::tls
