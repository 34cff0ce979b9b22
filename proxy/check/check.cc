#include "proxy/check/check.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/check/internal/check_servers.h"
#include "proxy/check/internal/loaded.h"
#include "proxy/config/values.h"
#include "proxy/net/local_address.h"
#include "proxy/pool/session_limit.h"
#include "proxy/process/privileges.h"
#include "proxy/server/certificate_lifetime.h"
#include "proxy/server/config_log.h"
#include "proxy/snapshot/greeting.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/version.h"
#include "tls/context.h"

namespace postern {
namespace {

std::string day(int64_t seconds) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string client_certificate(const std::optional<tls::ClientAuthFiles>& client_auth) {
  return client_auth ? fmt::format(", client certificate {}", name_of(client_auth->mode)) : "";
}

std::string join(const std::vector<net::Network>& networks) {
  std::string text;
  for (const net::Network& network : networks) {
    text += (text.empty() ? "" : " ") + network.text();
  }
  return text;
}

// Of the response that is stapled; nothing if none is expected.
std::string stapling(const tls::CertificateStore::Description& certificate) {
  const char* promise = certificate.must_staple ? ", Must-Staple" : "";
  if (certificate.ocsp_next_update > tls::wall_clock_s()) {
    return fmt::format("{}, OCSP response until {}", promise, day(certificate.ocsp_next_update));
  }
  return fmt::format("{}{}", promise,
                     certificate.staple_expected ? ", NO OCSP response in force" : "");
}

// "97% of 90d left"
std::string left(const tls::CertificateStore::Description& certificate) {
  const int64_t left_s = certificate.not_after - tls::wall_clock_s();
  const int64_t lifetime_s = std::max<int64_t>(certificate.not_after - certificate.not_before, 1);
  return left_s <= 0
             ? "EXPIRED"
             : fmt::format("{}% of {} left", 100 * left_s / lifetime_s, round_time(lifetime_s));
}

void add_certificates(const Materials& materials, std::string& text) {
  for (const auto& certificate : materials.describe_certificates()) {
    const int64_t days = (certificate.not_after - tls::wall_clock_s()) / 86'400;
    fmt::format_to(std::back_inserter(text),
                   "certificate  {}: {}, until {} ({} days), {}, {}{}{}\n", certificate.label,
                   fmt::join(certificate.names, " "), day(certificate.not_after), days,
                   left(certificate), tls::name_of(certificate.key_type),
                   certificate.self_signed ? ", self-signed" : "", stapling(certificate));
  }
}

// What is special about a server: " (weight 3, at most 500 sessions, backup)"
std::string role(const ServerConfig& server) {
  std::string text;
  const auto add = [&text](const std::string& word) {
    text += (text.empty() ? " (" : ", ") + word;
  };
  if (server.weight != ServerConfig().weight) {
    add(fmt::format("weight {}", server.weight));
  }
  if (server.max_sessions > 0) {
    add(fmt::format("at most {} sessions", server.max_sessions));
  }
  if (server.backup) {
    add("backup");
  }
  if (server.drain) {
    add("drains");
  }
  return text.empty() ? "" : text + ")";
}

std::string sources(const BackendConfig& backend) {
  std::string text;
  for (const net::Address& source : backend.source) {
    text += (text.empty() ? ", from " : " ") + source.ip_text();
  }
  return text;
}

void add_backends(const Config& config, std::string& text) {
  for (const BackendConfig& backend : config.backends) {
    std::string servers;
    for (const ServerConfig& server : backend.servers) {
      servers += (servers.empty() ? "" : " ") + server.text() + role(server);
    }
    const bool verified = backend.verify.mode == tls::Verification::Mode::Verify;
    const char* verification = backend.tls == BackendTls::None ? ""
                               : verified                      ? ", verified"
                                                               : ", NOT verified";
    const bool announced = backend.client_identity != ClientIdentity::None;
    fmt::format_to(
        std::back_inserter(text), "backend      {}: {}, tls {}{}, {}{}{}{}{}\n", backend.name,
        servers, name_of(backend.tls), verification, name_of(backend.balance),
        announced ? ", client by " : "", announced ? name_of(backend.client_identity) : "",
        backend.health
            ? fmt::format(", checked every {}", config::show_duration(backend.health->interval_ms))
            : "",
        &backend == &config.backends[config.default_backend] ? ", default" : "");
    if (backend.tls != BackendTls::None) {
      text += tls::Policy::toward_backend(backend.min_version).describe();
    }
    fmt::format_to(std::back_inserter(text), "             {}{}\n",
                   describe(session_limit(config, backend, net::local_ports())), sources(backend));
  }
}

std::string summarize(const Materials& materials) {
  const Config& config = *materials.config;
  std::string text = fmt::format("library      {}\nworkers      {}\n", kBoringSsl, config.workers);
  for (const ListenerConfig& listener : config.listeners) {
    const tls::Policy& policy = listener.policy.value_or(config.tls.policy);
    fmt::format_to(std::back_inserter(text), "listener     {}, tls {}, policy {}{}\n{}",
                   listener.text, name_of(listener.tls), policy.name,
                   client_certificate(config.tls.client_auth), policy.describe());
    if (!listener.proxies.empty()) {
      fmt::format_to(std::back_inserter(text),
                     "             PROXY header from {}, from nobody else\n",
                     join(listener.proxies));
    }
  }
  if (const auto& shadow = config.tls.shadow_policy) {
    fmt::format_to(std::back_inserter(text), "shadow       policy {}, counted only\n{}",
                   shadow->name, shadow->describe());
  }
  add_certificates(materials, text);
  add_backends(config, text);
  for (const RouteConfig& route : config.routes) {
    fmt::format_to(std::back_inserter(text), "route        {}{} -> {}\n",
                   route.user.empty() ? "" : "user ", route.user.empty() ? route.sni : route.user,
                   config.backends[route.backend].name);
  }
  if (materials.users != nullptr) {
    const auto& lookup = config.users.lookup;
    const size_t held = materials.users->held();
    fmt::format_to(
        std::back_inserter(text), "users        {} by map{}; all others by {}route, or {}\n",
        materials.users->mapped(), held > 0 ? fmt::format(", {} of them held", held) : "",
        lookup ? "lookup at " + lookup->authority + ", by " : "",
        config.backends[config.default_backend].name);
    if (!config.users.default_domain.empty()) {
      fmt::format_to(std::back_inserter(text), "             names without @ are of {}\n",
                     config.users.default_domain);
    }
  }
  if (config.admin) {
    fmt::format_to(std::back_inserter(text), "admin        {}, {}\n", config.admin->text(),
                   config.admin_token.empty() ? "no actions: there is no token_file"
                                              : "actions for the holder of " + config.admin_token);
  }
  if (!config.state_directory.empty()) {
    fmt::format_to(std::back_inserter(text), "state        {}\n", config.state_directory);
  }
  return text;
}

// What an expired or hardly valid certificate is to clients.
void judge_dates(const Materials& materials, CheckReport& report) {
  const Descriptions certificates = materials.describe_certificates();
  for (const LifetimeNotice& notice :
       judge_lifetimes(certificates, materials.config->tls.shares, tls::wall_clock_s())) {
    const auto& certificate = certificates[notice.certificate];
    // An intermediate that has ended is often one that clients can do without.
    const bool expired = notice.lifetime == Lifetime::Expired && notice.intermediate == 0;
    (expired ? report.findings : report.warnings)
        .push_back({certificate.where, text_of(notice, certificate.label)});
  }
}

bool offers_ecdsa_tls12(const tls::Policy& policy) {
  return policy.min_version <= tls::Version::Tls12 &&
         std::any_of(policy.ciphers.begin(), policy.ciphers.end(), [](const std::string& suite) {
           return suite.starts_with("TLS_ECDHE_ECDSA_");
         });
}

// Schannel of Windows 7 to 8.1 has the AEAD suites of TLS 1.2 for ECDSA, but none with ECDHE for
// RSA: Outlook there can only come in if it is shown an ECDSA certificate.
Faults find_rsa_alone(const Materials& materials) {
  const Config& config = *materials.config;
  const bool any =
      std::any_of(config.listeners.begin(), config.listeners.end(), [&](const auto& listener) {
        return offers_ecdsa_tls12(listener.policy.value_or(config.tls.policy));
      });
  const Descriptions certificates = materials.certificates->describe();
  const auto has_ecdsa = [&](const std::string& name) {
    return std::any_of(certificates.begin(), certificates.end(), [&](const auto& other) {
      return other.key_type == tls::KeyType::Ecdsa &&
             std::find(other.names.begin(), other.names.end(), name) != other.names.end();
    });
  };
  Faults hints;
  for (const auto& one : certificates) {
    if (any && one.key_type == tls::KeyType::Rsa &&
        !std::all_of(one.names.begin(), one.names.end(), has_ecdsa)) {
      hints.push_back(
          {one.where, "chain " + one.label +
                          " has an RSA key, and no ECDSA certificate for the same names stands "
                          "beside it: Outlook on Windows 7 to 8.1 cannot connect (see "
                          "deploy/README.md, An ECDSA certificate beside the RSA one)"});
    }
  }
  return hints;
}

}  // namespace

Result<CheckReport> run_check(Config config, bool preflight) {
  auto loaded = load_whole(std::move(config));
  if (!loaded) {
    return loaded.faults();
  }
  auto& [materials, labels, pools] = *loaded.value();
  CheckReport report;
  append(report.warnings, find_doubts(*materials.config, labels));
  append(report.warnings, materials.warnings);
  append(report.warnings, materials.user_warnings);
  judge_dates(materials, report);
  report.hints = find_rsa_alone(materials);
  // Only a warning: the file may be for another machine.
  append(report.warnings, look_up_user(materials.config->user));
  report.summary = summarize(materials);
  if (preflight) {
    ask_servers(std::move(pools), labels, materials.config->timeouts.connect_ms, report);
    if (materials.users != nullptr) {
      report.summary += describe_greeting(materials);
    }
  } else {
    report.summary += "preflight    not asked for: --preflight asks each server\n";
  }
  return report;
}

}  // namespace postern
