#include "tls/internal/shadow.h"

#include <algorithm>

#include "tls/internal/certificate_choice.h"
#include "tls/internal/client_hello.h"
#include "tls/internal/suites.h"

namespace postern::tls {
namespace {

using Candidates = std::span<const CertificateStore::Certificate* const>;

bool shares_tls13_suite(const SSL_CLIENT_HELLO& hello) {
  const auto known = suites();
  return std::any_of(known.begin(), known.end(), [&](const Suite& suite) {
    return suite.use == SuiteUse::Tls13 && offered_suites(hello).has(suite.id);
  });
}

std::optional<Failure> unless_verified(const CertificateStore::Certificate& shown,
                                       const SSL_CLIENT_HELLO& hello, bool tls13) {
  return verifies(shown, hello, tls13) ? std::nullopt : std::optional(Failure::NoSharedSignature);
}

// In the order in which BoringSSL finds the faults.
std::optional<Failure> refusal_in_tls13(const CertificateStore::Certificate& shown,
                                        const SSL_CLIENT_HELLO& hello, const Policy& policy) {
  if (!shares_group(hello, policy, /*tls13=*/true)) {
    return Failure::NoSharedGroup;
  }
  if (!shares_tls13_suite(hello)) {
    return Failure::NoSharedCipher;
  }
  return unless_verified(shown, hello, /*tls13=*/true);
}

// In TLS 1.2 the suite stands for the group and the kind of key as well: whichever is missing,
// BoringSSL finds no shared cipher. If it is the group alone, Engine names that.
std::optional<Failure> refusal_in_tls12(const CertificateStore::Certificate& shown,
                                        const SSL_CLIENT_HELLO& hello, const Policy& policy) {
  if (!suits_tls12(shown, hello, policy)) {
    return Failure::NoSharedCipher;
  }
  if (!shares_group(hello, policy, /*tls13=*/false)) {
    return Failure::NoSharedGroup;
  }
  return unless_verified(shown, hello, /*tls13=*/false);
}

}  // namespace

bool shares_group(const SSL_CLIENT_HELLO& hello, const Policy& policy, bool tls13) {
  const auto offered = list_extension(hello, TLSEXT_TYPE_supported_groups);
  return offered.has_value() &&
         std::any_of(policy.groups.begin(), policy.groups.end(), [&](const std::string& name) {
           const Group* group = find_group(name);
           return group != nullptr && (tls13 || !group->post_quantum) && offered->has(group->id);
         });
}

std::optional<Failure> refusal(Candidates candidates, const SSL_CLIENT_HELLO& hello,
                               const Policy& policy) {
  const auto version = negotiate_version(hello, policy);
  if (!version.has_value()) {
    return Failure::UnsupportedVersion;
  }
  const auto& shown = choose_certificate(candidates, hello, policy);
  return *version == Version::Tls13 ? refusal_in_tls13(shown, hello, policy)
                                    : refusal_in_tls12(shown, hello, policy);
}

}  // namespace postern::tls
