// CertificateStore: immutable map from host name to certificate chain and key. Loading checks
// everything (PEM, key matches leaf, names) and reports all faults at once; an expired certificate
// is not a fault, so that a server can still start: describe() gives the dates. What clients may
// refuse is a warning, and so are two certificates of a kind for one name: the first serves it.
// After loading, any thread may read it; only the reference counts of keys and chains are shared
// and written. Look-up: exact name, then wildcard (one left-most label, RFC 9525 §6.3), then the
// first certificate. One name may have both an ECDSA and an RSA certificate.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/base/result.h"

namespace postern::tls {

struct CertificateFiles {
  std::string chain;                 // PEM, leaf first
  std::string key;                   // PEM
  std::string where;                 // where the configuration names them: "postern.yaml:12"
  std::string passphrase_file = {};  // its first line decrypts the key; empty: there is none
  std::string ocsp = {};             // the response to staple, DER; empty: none
};

enum class KeyType : uint8_t { Ecdsa, Rsa, Ed25519 };
inline constexpr Names<KeyType> kKeyTypeNames{"ecdsa", "rsa", "ed25519"};
constexpr const char* name_of(KeyType type) {
  return kKeyTypeNames[type];
}

class CertificateStore {
 public:
  struct Certificate;  // chain, key and names; opaque outside tls/

  // What is sent after the leaf.
  struct Intermediate {
    std::string subject;  // as in RFC 4514
    int64_t not_before;   // seconds since 1970
    int64_t not_after;
  };

  // The public facts of a certificate: for metrics, log, status and `postern check`.
  struct Description {
    std::string label;               // the chain's file name as configured: the metric's label
    std::string where;               // the configuration line that names it
    std::vector<std::string> names;  // SAN dNSNames, lower case
    KeyType key_type;
    int64_t not_before;  // seconds since 1970
    int64_t not_after;
    std::string fingerprint_sha256;  // of the leaf, hex
    bool self_signed = false;
    bool must_staple = false;      // clients may insist on an OCSP response (RFC 7633)
    bool ocsp_responder = false;   // the certificate names one
    bool staple_expected = false;  // Must-Staple, or there are a responder and a configured file
    int64_t ocsp_next_update = 0;  // when its response is no longer stapled; 0: there is none
    std::vector<Intermediate> intermediates = {};
    // When the first of the intermediates ends; 0: there is none.
    int64_t intermediates_end() const;
  };

  // An OCSP response that cannot be used is a warning, not a fault; in its place stays the response
  // that `former` has for the same certificate, if it is fresh.
  static Result<std::shared_ptr<const CertificateStore>> load(
      const std::vector<CertificateFiles>& files, const CertificateStore* former = nullptr);
  // A throw-away ECDSA P-256 certificate for `names`, valid 30 days, made in memory.
  static Result<std::shared_ptr<const CertificateStore>> self_signed(
      const std::vector<std::string>& names);

  ~CertificateStore();

  std::vector<Description> describe() const;

  // The candidates for `server_name` ("" without SNI), best match only, ECDSA before RSA.
  std::span<const Certificate* const> find(std::string_view server_name) const;
  // Whether a certificate has this name; if none has, clients that look at names refuse what they
  // get.
  bool has_name(std::string_view server_name) const;
  // The first of those candidates.
  const Description& served(std::string_view server_name) const;
  // Digest of all leaves: part of what resumption is bound to.
  std::string_view digest() const { return digest_; }  // 32 raw octets
  const std::vector<std::unique_ptr<Certificate>>& all() const { return certificates_; }
  // What is doubtful in the loaded files; for the log and `postern check`.
  const Faults& warnings() const { return warnings_; }

 private:
  CertificateStore();
  static Result<std::shared_ptr<const CertificateStore>> assemble(
      std::vector<std::unique_ptr<Certificate>> certificates, Faults faults, Faults warnings);
  struct Index;
  std::vector<std::unique_ptr<Certificate>> certificates_;
  std::unique_ptr<Index> index_;
  std::string digest_;
  Faults warnings_;
};

}  // namespace postern::tls
