#include "tls/peer_report.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "tls/context.h"
#include "tls/engine.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/internal/chain.h"
#include "tls/internal/names.h"
#include "tls/internal/verifier.h"

namespace postern::tls {
namespace {

const char* kind_of(const EVP_PKEY& key) {
  switch (EVP_PKEY_id(&key)) {
    case EVP_PKEY_RSA:
      return "RSA";
    case EVP_PKEY_EC:
      return "ECDSA";
    case EVP_PKEY_ED25519:
      return "Ed25519";
    default:
      return "unknown";
  }
}

int bits_of(X509& certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&certificate));
  ERR_clear_error();
  return key == nullptr ? 0 : EVP_PKEY_bits(key.get());
}

std::string describe_key(X509& certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&certificate));
  ERR_clear_error();
  return key == nullptr ? "unknown"
                        : kind_of(*key) + (" " + std::to_string(EVP_PKEY_bits(key.get())));
}

PeerCertificate describe(X509& certificate) {
  return {.subject = name_text(*X509_get_subject_name(&certificate)),
          .issuer = name_text(*X509_get_issuer_name(&certificate)),
          .key = describe_key(certificate),
          .not_before = posix_time(X509_get0_notBefore(&certificate)),
          .not_after = posix_time(X509_get0_notAfter(&certificate)),
          .self_signed = is_self_signed(certificate)};
}

Octets copy_chain(const STACK_OF(CRYPTO_BUFFER) * chain) {
  Octets octets;
  for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(chain); ++i) {
    octets.push_back(bssl::UpRef(sk_CRYPTO_BUFFER_value(chain, i)));
  }
  return octets;
}

StapleState judge_staple(const ssl_st* ssl, const STACK_OF(CRYPTO_BUFFER) * chain) {
  const uint8_t* der = nullptr;
  size_t size = 0;
  SSL_get0_ocsp_response(ssl, &der, &size);
  if (size == 0) {
    return StapleState::None;
  }
  const auto staple =
      read_staple(std::string(as_text({der, size})), ocsp_subject(copy_chain(chain)));
  if (!staple) {
    return StapleState::Unusable;
  }
  return staple.value().fresh_at(wall_clock_s()) ? StapleState::Fresh : StapleState::Outdated;
}

}  // namespace

PeerReport Engine::peer_report(const Verifier& verifier, const std::string& host) const {
  check(open_, "a peer is described after Open");
  PeerReport report;
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl_);
  const auto certificates = chain == nullptr ? nullptr : parse_chain(chain);
  if (certificates == nullptr) {
    report.failure = Failure::CertificateUntrusted;
    report.finding = "no certificate that can be read";
    ERR_clear_error();
    return report;
  }
  X509& leaf = *sk_X509_value(certificates.get(), 0);
  const size_t shown =
      std::min(sk_X509_num(certificates.get()), size_t{PeerReport::kMostCertificates});
  for (size_t i = 0; i < shown; ++i) {
    report.chain.push_back(describe(*sk_X509_value(certificates.get(), i)));
  }
  report.names = dns_names(leaf);
  const std::vector<std::string> addresses = ip_addresses(leaf);
  report.names.insert(report.names.end(), addresses.begin(), addresses.end());
  report.leaf_bits = bits_of(leaf);
  report.must_staple = must_staple(leaf);
  report.staple = judge_staple(ssl_, chain);
  PeerCheck expected{host, ""};
  report.failure = verifier.judge(chain, expected);
  report.finding = expected.finding;
  ERR_clear_error();
  return report;
}

}  // namespace postern::tls
