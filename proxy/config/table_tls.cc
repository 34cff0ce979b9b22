// The rows of the table that say what clients get: policies, certificates, tickets, client
// certificates.

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/config/names.h"
#include "proxy/config/table_parts.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

// Where a policy that is read belongs.
using PolicyOf = PolicyDraft& (*)(Draft&);
constexpr PolicyDraft& main_policy(Draft& d) {
  return d.policy;
}
constexpr PolicyDraft& shadow_policy(Draft& d) {
  return d.shadow_policy;
}
constexpr PolicyDraft& listener_policy(Draft& d) {
  return d.listeners.back().policy;
}

struct PolicyPaths {
  std::string_view policy;
  std::string_view min_version;
  std::string_view ciphers;
  std::string_view groups;
};

// A policy: a preset's name, or a map of its own. Its keys are explained where they stand first.
template <PolicyOf of>
constexpr std::array<Row, 4> make_policy_rows(const PolicyPaths& paths, std::string_view fallback,
                                              std::string_view sample, std::string_view doc) {
  return {{
      {.path = paths.policy,
       .shape = Shape::ScalarOrMap,
       .form = "modern, intermediate or a map",
       .fallback = fallback,
       .sample = sample,
       .doc = doc,
       .value =
           [](Draft& d, const Written& w) {
             Preset preset = Preset::Intermediate;
             read_choice(w, kPolicyNames, preset, d.findings);
             of(d).preset = preset;
           },
       .begin = [](Draft& d, const Written& w) { of(d).place = w; }},
      {.path = paths.min_version,
       .form = "1.2 or 1.3",
       .fallback = "\"1.2\"",
       .doc = "The oldest version accepted. Older ones than 1.2 are refused by RFC 8996 and RFC "
              "8997.",
       .value =
           [](Draft& d, const Written& w) {
             tls::Version& version = of(d).min_version;
             read_choice(w, kVersionNames, version, d.findings);
             if (version < tls::Version::Tls12) {
               d.findings.fault(w, "is not safe for clients; allowed are 1.2 and 1.3 (RFC 8996)");
               version = tls::Version::Tls12;
             }
           }},
      {.path = paths.ciphers,
       .shape = Shape::Scalars,
       .form = "list of IANA names",
       .sample = "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "
                 "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
       .doc = "Suites of TLS 1.2 in order of preference, ECDHE with AEAD only. Without it those of "
              "intermediate. The suites of TLS 1.3 are always on.",
       .least = 0,
       .value = [](Draft& d, const Written& w) { of(d).ciphers->push_back(w); },
       .begin = [](Draft& d, const Written&) { of(d).ciphers.emplace(); }},
      {.path = paths.groups,
       .shape = Shape::Scalars,
       .form = "list of names",
       .sample = "[X25519, secp256r1]",
       .doc = "Groups for the key exchange in order of preference. Without it those of "
              "intermediate.",
       .value = [](Draft& d, const Written& w) { of(d).groups->push_back(w); },
       .begin = [](Draft& d, const Written&) { of(d).groups.emplace(); }},
  }};
}

constexpr auto kListenerPolicyRows = make_policy_rows<listener_policy>(
    {"listeners[].policy", "listeners[].policy.min_version", "listeners[].policy.ciphers",
     "listeners[].policy.groups"},
    "", "intermediate", "For this listener instead of tls.policy. A reload changes it.");

constexpr auto kPolicyRows = make_policy_rows<main_policy>(
    {"tls.policy", "tls.policy.min_version", "tls.policy.ciphers", "tls.policy.groups"},
    "intermediate", "",
    "modern: TLS 1.3. intermediate: TLS 1.2 with ECDHE and AEAD, and 1.3 (RFC 9325). A map names "
    "versions, suites and groups one by one.");

constexpr auto kShadowPolicyRows = make_policy_rows<shadow_policy>(
    {"tls.shadow_policy", "tls.shadow_policy.min_version", "tls.shadow_policy.ciphers",
     "tls.shadow_policy.groups"},
    "", "modern",
    "A stricter policy to try out: postern_shadow_refusals_total counts by reason whom it would "
    "refuse, and nobody is refused by it.");

constexpr std::array kCertificateRows = {
    Row{.path = "tls.certificates",
        .shape = Shape::Maps,
        .required = true,
        .form = "list of 1 to 4096",
        .doc =
            "Picked by the name that the client asks for (SNI). The first is for all other names. "
            "An ECDSA and an RSA certificate may stand side by side for one name. When any of "
            "these files changes, all are loaded anew within two seconds, or the old ones stay "
            "and the log says why.",
        .most = kMaxCertificates,
        .begin =
            [](Draft& d, const Written& w) {
              d.config.tls.certificates.push_back({{}, {}, d.findings.where(w.line)});
            }},
    Row{.path = "tls.certificates[].chain",
        .required = true,
        .form = kPath,
        .sample = "tls.crt",
        .doc = "The certificate and its intermediates, PEM, leaf first.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().chain, d.findings);
            }},
    Row{.path = "tls.certificates[].key",
        .required = true,
        .form = kPath,
        .sample = "tls.key",
        .doc = "Its private key, PEM.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().key, d.findings);
            }},
    Row{.path = "tls.certificates[].passphrase_file",
        .form = kPath,
        .sample = "tls.passphrase",
        .doc = "Its first line decrypts the key, if that is encrypted.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().passphrase_file, d.findings);
            }},
    Row{.path = "tls.certificates[].ocsp",
        .form = kPath,
        .sample = "tls.ocsp",
        .doc = "The OCSP response to staple, DER, kept fresh by a job of yours. It is checked and "
               "never served once out of date; what is wrong with it is a warning.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().ocsp, d.findings);
            }},
};

constexpr std::array kClientRows = {
    Row{.path = "tls.ticket_secret",
        .form = kPath,
        .sample = "ticket.secret",
        .doc = "A secret from which the keys of session tickets are made, new ones every 12 hours. "
               "Replicas that share it resume each other's sessions. Without it each process has a "
               "random one.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.ticket_secret, d.findings);
              d.config.tls.ticket_secret_where = d.findings.where(w.line);
            }},
    Row{.path = "tls.client_ca",
        .shape = Shape::ScalarOrMap,
        .form = "path or map",
        .sample = "clients.pem",
        .doc =
            "Asks clients for a certificate of these authorities, PEM (mTLS). A path alone stands "
            "for a map with only that file. SASL EXTERNAL passes to the backend as it is.",
        .value =
            [](Draft& d, const Written& w) {
              d.config.tls.client_auth.emplace().where = d.findings.where(w.line);
              read_path(w, d.folder, d.config.tls.client_auth->ca_file, d.findings);
            },
        .begin =
            [](Draft& d, const Written& w) {
              d.config.tls.client_auth.emplace().where = d.findings.where(w.line);
            }},
    Row{.path = "tls.client_ca.file",
        .required = true,
        .form = kPath,
        .sample = "clients.pem",
        .doc = "The authorities.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.client_auth->ca_file, d.findings);
            }},
    Row{.path = "tls.client_ca.mode",
        .form = "required or optional",
        .fallback = "required",
        .doc = "optional: a client without a certificate may come in, one with a bad one may not.",
        .value =
            [](Draft& d, const Written& w) {
              read_choice(w, kClientAuthNames, d.config.tls.client_auth->mode, d.findings);
            }},
    Row{.path = "tls.client_ca.crl",
        .form = kPath,
        .sample = "clients.crl",
        .doc =
            "Revocation lists, PEM. With it every client's certificate must be covered by a list "
            "that is in force.",
        .value =
            [](Draft& d, const Written& w) {
              read_path(w, d.folder, d.config.tls.client_auth->crl_file, d.findings);
            }},
};

}  // namespace

std::span<const Row> listener_policy_rows() {
  return kListenerPolicyRows;
}

std::span<const Row> policy_rows() {
  return kPolicyRows;
}

std::span<const Row> shadow_policy_rows() {
  return kShadowPolicyRows;
}

std::span<const Row> certificate_rows() {
  return kCertificateRows;
}

std::span<const Row> client_rows() {
  return kClientRows;
}

}  // namespace postern::config
