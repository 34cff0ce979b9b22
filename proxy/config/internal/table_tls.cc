// The table's rows about TLS towards clients: policies, certificates, tickets, client certificates.

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"
#include "proxy/log/escape.h"

namespace postern::config {
namespace {

// Where to store a policy.
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

// The rows of a policy: a preset's name, or a map.
template <PolicyOf of>
constexpr std::array<Row, 4> make_policy_rows(const PolicyPaths& paths, Show show,
                                              std::string_view example, std::string_view doc) {
  return {{
      {.path = paths.policy,
       .shape = Shape::ScalarOrMap,
       .syntax = "modern, intermediate or a map",
       .example = example,
       .doc = doc,
       .show = show,
       .on_value =
           [](Draft& d, const SourceValue& w) {
             Preset preset = Preset::Intermediate;
             read_choice(w, preset, d.diagnostics);
             of(d).preset = preset;
           },
       .on_begin = [](Draft& d, const SourceValue& w) { of(d).place = w; }},
      {.path = paths.min_version,
       .syntax = "1.2 or 1.3",
       .doc = "The oldest version accepted. RFC 8996 and RFC 8997 forbid versions below 1.2.",
       .show = [](Draft& d) { return in_quotes(name_of(of(d).min_version)); },
       .on_value =
           [](Draft& d, const SourceValue& w) {
             tls::Version& version = of(d).min_version;
             read_choice(w, version, d.diagnostics);
             if (version < tls::Version::Tls12) {
               d.diagnostics.fault(w,
                                   "is not safe for clients; allowed are 1.2 and 1.3 (RFC 8996)");
               version = tls::Version::Tls12;
             }
           }},
      {.path = paths.ciphers,
       .shape = Shape::Scalars,
       .syntax = "list of IANA names",
       .example = "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "
                  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
       .doc =
           "Suites of TLS 1.2 in order of preference, ECDHE with AEAD only. The default is those "
           "of intermediate. The suites of TLS 1.3 are always on.",
       .min_items = 0,
       .on_value = [](Draft& d, const SourceValue& w) { of(d).ciphers->push_back(w); },
       .on_begin = [](Draft& d, const SourceValue&) { of(d).ciphers.emplace(); }},
      {.path = paths.groups,
       .shape = Shape::Scalars,
       .syntax = "list of names",
       .example = "[X25519, secp256r1]",
       .doc = "Groups for the key exchange in order of preference. The default is those of "
              "intermediate, X25519MLKEM768 first; that one alone requires post-quantum key "
              "exchange, and so TLS 1.3.",
       .on_value = [](Draft& d, const SourceValue& w) { of(d).groups->push_back(w); },
       .on_begin = [](Draft& d, const SourceValue&) { of(d).groups.emplace(); }},
  }};
}

constexpr auto kListenerPolicyRows = make_policy_rows<listener_policy>(
    {"listeners[].policy", "listeners[].policy.min_version", "listeners[].policy.ciphers",
     "listeners[].policy.groups"},
    nullptr, "intermediate", "Replaces tls.policy for this listener. A reload changes it.");

constexpr auto kPolicyRows = make_policy_rows<main_policy>(
    {"tls.policy", "tls.policy.min_version", "tls.policy.ciphers", "tls.policy.groups"},
    [](Draft& d) { return show_choice(*d.policy.preset); }, "",
    "modern: TLS 1.3. intermediate: TLS 1.2 with ECDHE and AEAD, and 1.3 (RFC 9325). A map names "
    "versions, suites and groups one by one.");

constexpr auto kShadowPolicyRows = make_policy_rows<shadow_policy>(
    {"tls.shadow_policy", "tls.shadow_policy.min_version", "tls.shadow_policy.ciphers",
     "tls.shadow_policy.groups"},
    nullptr, "modern",
    "A stricter policy to try out: postern_shadow_refusals_total counts by reason the clients that "
    "it would refuse. It refuses none.");

constexpr std::array kCertificateRows = {
    Row{.path = "tls.certificates",
        .shape = Shape::Maps,
        .required = true,
        .syntax = "list of 1 to 4096",
        .doc =
            "Chosen by the name that the client asks for (SNI). The first is for all other names. "
            "One name may have both an ECDSA and an RSA certificate. When any of these files "
            "changes, all are loaded again within two seconds; if that fails, the old ones stay "
            "and the log says why.",
        .max_items = kMaxCertificates,
        .on_begin =
            [](Draft& d, const SourceValue& w) {
              d.config.tls.certificates.push_back({{}, {}, d.diagnostics.where(w.line)});
            }},
    Row{.path = "tls.certificates[].chain",
        .required = true,
        .syntax = kPath,
        .example = "tls.crt",
        .doc = "The certificate and its intermediates, PEM, leaf first.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().chain, d.diagnostics);
            }},
    Row{.path = "tls.certificates[].key",
        .required = true,
        .syntax = kPath,
        .example = "tls.key",
        .doc = "Its private key, PEM.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().key, d.diagnostics);
            }},
    Row{.path = "tls.certificates[].passphrase_file",
        .syntax = kPath,
        .example = "tls.passphrase",
        .doc = "A file whose first line decrypts the key, if the key is encrypted.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().passphrase_file,
                        d.diagnostics);
            }},
    Row{.path = "tls.certificates[].ocsp",
        .syntax = kPath,
        .example = "tls.ocsp",
        .doc = "The OCSP response to staple, DER; your own job must keep it fresh. It is checked "
               "and never served once out of date; a fault in it is a warning.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.certificates.back().ocsp, d.diagnostics);
            }},
    Row{.path = "tls.renewal_overdue",
        .syntax = "1% to 90%",
        .doc = "With less than this share of its lifetime left, a certificate counts as not "
               "renewed in time: log, postern check and alerts warn.",
        .show = [](Draft& d) { return show_percent(d.config.tls.shares.renewal_overdue_percent); },
        .on_value =
            [](Draft& d, const SourceValue& w) {
              d.renewal_overdue = w;
              read_percent(w, d.config.tls.shares.renewal_overdue_percent, d.diagnostics);
            }},
    Row{.path = "tls.expiry_alarm",
        .syntax = "1% to 90%, less than renewal_overdue",
        .doc = "With less than this share of its lifetime left, a certificate is an error in the "
               "log and a critical alert.",
        .show = [](Draft& d) { return show_percent(d.config.tls.shares.alarm_percent); },
        .on_value =
            [](Draft& d, const SourceValue& w) {
              d.expiry_alarm = w;
              read_percent(w, d.config.tls.shares.alarm_percent, d.diagnostics);
            }},
};

constexpr std::array kClientRows = {
    Row{.path = "tls.ticket_secret",
        .syntax = kPath,
        .example = "ticket.secret",
        .doc = "A secret from which the keys of session tickets are derived, new ones every 12 "
               "hours. Replicas that share it resume each other's sessions. Without it each "
               "process has a random one.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.ticket_secret, d.diagnostics);
              d.config.tls.ticket_secret_where = d.diagnostics.where(w.line);
            }},
    Row{.path = "tls.client_ca",
        .shape = Shape::ScalarOrMap,
        .syntax = "path or map",
        .example = "clients.pem",
        .doc =
            "Asks clients for a certificate from these authorities, PEM (mTLS). A path alone "
            "stands for a map with only that file. SASL EXTERNAL passes to the backend as it is.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              d.config.tls.client_auth.emplace().where = d.diagnostics.where(w.line);
              read_path(w, d.folder, d.config.tls.client_auth->ca_file, d.diagnostics);
            },
        .on_begin =
            [](Draft& d, const SourceValue& w) {
              d.config.tls.client_auth.emplace().where = d.diagnostics.where(w.line);
            }},
    Row{.path = "tls.client_ca.file",
        .required = true,
        .syntax = kPath,
        .example = "clients.pem",
        .doc = "The authorities.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.client_auth->ca_file, d.diagnostics);
            }},
    Row{.path = "tls.client_ca.mode",
        .syntax = "required or optional",
        .doc = "optional: a client without a certificate may come in, one with a bad one may not.",
        .show = [](Draft& d) { return show_choice(d.config.tls.client_auth->mode); },
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_choice(w, d.config.tls.client_auth->mode, d.diagnostics);
            }},
    Row{.path = "tls.client_ca.crl",
        .syntax = kPath,
        .example = "clients.crl",
        .doc = "Revocation lists, PEM. If set, a list that is in force must cover every client's "
               "certificate.",
        .on_value =
            [](Draft& d, const SourceValue& w) {
              read_path(w, d.folder, d.config.tls.client_auth->crl_file, d.diagnostics);
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
