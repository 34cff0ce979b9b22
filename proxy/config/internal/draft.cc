#include "proxy/config/internal/draft.h"

#include <algorithm>
#include <map>
#include <utility>

#include "proxy/base/closest_match.h"
#include "proxy/config/control_groups.h"
#include "proxy/config/internal/users.h"
#include "proxy/config/values.h"
#include "proxy/log/escape.h"

namespace postern::config {
namespace {

constexpr uint16_t kImapPort = 143;
constexpr uint16_t kImapsPort = 993;
constexpr uint64_t kAutologoutMs = 1'800'000;  // 30 minutes

bool is_backend(const Draft& draft, const std::string& name, size_t* index) {
  const auto found =
      std::find_if(draft.backends.begin(), draft.backends.end(),
                   [&](const BackendDraft& backend) { return backend.name.text == name; });
  if (found == draft.backends.end()) {
    return false;
  }
  *index = static_cast<size_t>(found - draft.backends.begin());
  return true;
}

void require_backend(Draft& draft, const SourceValue& value, size_t* index) {
  if (is_backend(draft, value.text, index)) {
    return;
  }
  std::vector<std::string> names;
  std::vector<std::string> shown;
  for (const BackendDraft& backend : draft.backends) {
    names.push_back(backend.name.text);
    shown.push_back(in_quotes(backend.name.text));
  }
  const std::string* guess = closest_match(value.text, names);
  draft.diagnostics.fault(
      value, "is none of the backends: " + join(shown) +
                 (guess == nullptr ? "" : "; did you mean " + in_quotes(*guess) + "?"));
}

// " (line 12)"; empty for flags.
std::string also_at(const SourceValue& other) {
  return other.line == 0 ? "" : " (line " + std::to_string(other.line) + ")";
}

// Port 0 asks the kernel for a port, and gets a different one each time.
bool collide(const net::Address& a, const net::Address& b) {
  return a.port() != 0 && a == b;
}

void take_listeners(Draft& draft) {
  for (size_t i = 0; i < draft.listeners.size(); ++i) {
    const ListenerDraft& listener = draft.listeners[i];
    ListenerConfig made{{}, listener.tls, listener.address.text};
    made.sessions = listener.sessions;
    made.proxies = listener.proxies;
    made.alpn = listener.alpn;
    if (!listener.address.key.empty()) {
      read_address(listener.address, made.address, draft.diagnostics);
    }
    for (size_t k = 0; k < i; ++k) {
      if (made.address.valid() && collide(made.address, draft.config.listeners[k].address)) {
        draft.diagnostics.fault(listener.address,
                                "is listened on twice" + also_at(draft.listeners[k].address));
        break;
      }
    }
    draft.config.listeners.push_back(std::move(made));
  }
}

void take_admin(Draft& draft) {
  if (!draft.admin) {
    for (const auto& key : {draft.admin_tls, draft.admin_token}) {
      if (key) {
        draft.diagnostics.warning(*key, "has no effect without admin.address");
      }
    }
    return;
  }
  net::Address address;
  read_address(*draft.admin, address, draft.diagnostics);
  for (const ListenerConfig& listener : draft.config.listeners) {
    if (address.valid() && collide(address, listener.address)) {
      draft.diagnostics.fault(*draft.admin, "is a listener's address already");
    }
  }
  if (draft.admin_token && !draft.admin_tls && address.valid() && !address.is_loopback() &&
      !address.is_unspecified()) {
    draft.diagnostics.warning(*draft.admin_token,
                              "allows no action: in clear they are for callers by loopback, where "
                              "admin.address does not listen; set admin.tls");
  }
  draft.config.admin = address;
}

// Reports each bad word of a list at its own line. Characters that no IANA name has are refused
// here, so that the message, which repeats the word, is safe to print.
template <typename Check>
std::vector<std::string> take_names(Diagnostics& diagnostics,
                                    const std::vector<SourceValue>& written, Check check_one) {
  std::vector<std::string> names;
  for (const SourceValue& value : written) {
    const bool plain = !value.text.empty() && value.text.size() <= 80 &&
                       std::all_of(value.text.begin(), value.text.end(), [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                (c >= 'a' && c <= 'z') || c == '_' || c == '-';
                       });
    if (!plain) {
      diagnostics.fault(value, "is not an IANA name");
      continue;
    }
    const Result<tls::Policy> alone = check_one(value.text);
    if (alone) {
      names.push_back(value.text);
      continue;
    }
    for (const Fault& fault : alone.faults()) {
      diagnostics.fault(value.line, value.key + ": " + fault.message);
    }
  }
  return names;
}

std::optional<tls::Policy> take_own_policy(Diagnostics& diagnostics, const PolicyDraft& own) {
  const tls::Policy usual = tls::Policy::preset("intermediate").value();
  std::vector<std::string> ciphers = usual.ciphers;
  if (own.min_version == tls::Version::Tls13) {
    ciphers.clear();
  }
  if (own.ciphers) {
    ciphers = take_names(diagnostics, *own.ciphers, [&](const std::string& cipher) {
      return tls::Policy::custom(tls::Version::Tls12, {cipher}, usual.groups);
    });
  }
  std::vector<std::string> groups = usual.groups;
  if (own.groups) {
    groups = take_names(diagnostics, *own.groups, [&](const std::string& group) {
      return tls::Policy::custom(tls::Version::Tls12, usual.ciphers, {group});
    });
  }
  // The rules about the whole policy come last: without the bad words, their faults would name a
  // policy that the file does not have.
  const bool words_good = (!own.ciphers || own.ciphers->size() == ciphers.size()) &&
                          (!own.groups || own.groups->size() == groups.size());
  if (!words_good) {
    return std::nullopt;
  }
  const Result<tls::Policy> policy = tls::Policy::custom(own.min_version, ciphers, groups);
  if (policy) {
    return policy.value();
  }
  for (const Fault& fault : policy.faults()) {
    diagnostics.fault(own.place->line, own.place->key + ": " + fault.message);
  }
  return std::nullopt;
}

// nullopt if none was written.
std::optional<tls::Policy> take_policy(Diagnostics& diagnostics, const PolicyDraft& written) {
  if (written.place) {
    return take_own_policy(diagnostics, written);
  }
  if (!written.preset) {
    return std::nullopt;
  }
  return tls::Policy::preset(name_of(*written.preset)).value();
}

void take_policies(Draft& draft) {
  Config& config = draft.config;
  config.tls.policy =
      take_policy(draft.diagnostics, draft.policy).value_or(tls::Policy());  // only after a fault
  config.tls.shadow_policy = take_policy(draft.diagnostics, draft.shadow_policy);
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    config.listeners[i].policy = take_policy(draft.diagnostics, draft.listeners[i].policy);
  }
}

void take_servers(Diagnostics& diagnostics, BackendDraft& backend) {
  const bool implicit = backend.config.tls == BackendTls::Implicit;
  for (ServerDraft& server : backend.servers) {
    const SourceValue& value = server.address;
    if (value.key.empty()) {  // it is missing, which is reported already
      continue;
    }
    Result<net::HostPort> host =
        net::HostPort::parse(value.text, implicit ? kImapsPort : kImapPort);
    if (!host) {
      for (const Fault& fault : host.faults()) {
        diagnostics.fault(value.line, value.key + ": " + fault.message);
      }
      continue;
    }
    server.config.host = std::move(host.value());
    std::vector<ServerConfig>& servers = backend.config.servers;
    if (std::ranges::any_of(servers, [&server](const ServerConfig& other) {
          return other.host == server.config.host;
        })) {
      diagnostics.fault(value, "is listed twice");
    }
    servers.push_back(server.config);
  }
}

void check_roles(Diagnostics& diagnostics, const BackendDraft& backend) {
  const std::vector<ServerConfig>& servers = backend.config.servers;
  if (servers.empty()) {
    return;
  }
  const std::string key = backend.name.key + ".servers";
  if (std::ranges::all_of(servers, &ServerConfig::drain)) {
    diagnostics.warning({backend.name.text, key, backend.name.line},
                        "has no server that takes new sessions: all of them have drain");
  } else if (std::ranges::all_of(servers, [](const ServerConfig& server) {
               return server.backup || server.drain;
             })) {
    diagnostics.warning({backend.name.text, key, backend.name.line},
                        "has nothing but backup servers, so backup makes no difference");
  }
}

void check_backend_tls(Diagnostics& diagnostics, const BackendDraft& backend) {
  const bool clear = backend.config.tls == BackendTls::None;
  if (backend.verify && clear) {
    const SourceValue& verify = *backend.verify;
    diagnostics.fault(verify.line, verify.key +
                                       ": there is no certificate to verify while tls is none; "
                                       "set tls to starttls or implicit, or remove this");
  } else if (backend.verify && backend.config.verify.mode == tls::Verification::Mode::None) {
    diagnostics.warning(
        *backend.verify,
        "means that anybody on the way to the backend can read and change the mail");
  }
  if (backend.client_certificate && clear) {
    const SourceValue& certificate = *backend.client_certificate;
    diagnostics.fault(certificate.line, certificate.key +
                                            ": no server can ask for it while tls is none; set "
                                            "tls to starttls or implicit, or remove this");
  }
  if (backend.min_version && clear) {
    diagnostics.warning(*backend.min_version, "has no effect while tls is none");
  } else if (backend.min_version && backend.config.min_version < tls::Version::Tls12) {
    diagnostics.warning(*backend.min_version,
                        "allows versions of TLS that are deprecated as unsafe (RFC 8996)");
  }
}

// 993 is the port of implicit TLS (RFC 8314 §3.2): there each side would wait for the other. The
// server may still listen otherwise, so it only warns.
void check_server_ports(Diagnostics& diagnostics, const BackendDraft& backend) {
  const bool implicit = backend.config.tls == BackendTls::Implicit;
  const uint16_t odd = implicit ? kImapPort : kImapsPort;
  for (const ServerDraft& written : backend.servers) {
    const SourceValue& value = written.address;
    const auto server = net::HostPort::parse(value.text, odd == kImapPort ? kImapsPort : kImapPort);
    if (!server || server.value().port != odd) {
      continue;
    }
    diagnostics.warning(
        value, implicit ? "has the port of IMAP without TLS, but tls is implicit; if the server "
                          "has no TLS there, set tls to starttls or none"
               : backend.config.tls == BackendTls::None
                   ? "has the port of IMAP over TLS, but tls is none; if the server speaks TLS "
                     "there, no session will reach it: set tls to implicit"
                   : "has the port of IMAP over TLS, but tls is starttls; if the server speaks TLS "
                     "there, no session will reach it: set tls to implicit");
  }
}

void take_backends(Draft& draft) {
  for (BackendDraft& backend : draft.backends) {
    backend.config.name = backend.name.text;
    take_servers(draft.diagnostics, backend);
    check_backend_tls(draft.diagnostics, backend);
    check_server_ports(draft.diagnostics, backend);
    check_roles(draft.diagnostics, backend);
    draft.config.backends.push_back(backend.config);
  }
  if (draft.default_backend) {
    require_backend(draft, *draft.default_backend, &draft.config.default_backend);
  } else if (draft.backends.size() > 1) {
    draft.diagnostics.fault(
        draft.backends.front().name.line,
        "default_backend: is missing; with more than one backend it must be named");
  }
}

// By a name or by a user.
const SourceValue& key_of(const RouteDraft& route) {
  return route.sni ? *route.sni : *route.user;
}

RouteConfig take_route(Draft& draft, const RouteDraft& route) {
  RouteConfig made;
  if (route.sni) {
    read_dns_name(*route.sni, true, made.sni, draft.diagnostics);
  } else {
    read_route_user(*route.user, draft.config.users.default_domain, made.user, draft.diagnostics);
  }
  if (!route.backend.key.empty()) {
    require_backend(draft, route.backend, &made.backend);
  }
  return made;
}

void take_routes(Draft& draft) {
  std::map<std::pair<std::string, std::string>, const RouteDraft*> seen;
  for (const RouteDraft& route : draft.routes) {
    if (route.sni.has_value() == route.user.has_value()) {
      draft.diagnostics.fault(route.line, "routes: a route needs either sni or user");
      continue;
    }
    RouteConfig made = take_route(draft, route);
    const bool good = !made.sni.empty() || !made.user.empty();
    if (const auto [same, added] = seen.insert({{made.sni, made.user}, &route}); good && !added) {
      draft.diagnostics.fault(key_of(route),
                              "has a route already" + also_at(key_of(*same->second)));
    }
    draft.config.routes.push_back(std::move(made));
  }
}

void check_shares(Draft& draft) {
  const CertificateShares& shares = draft.config.tls.shares;
  if (shares.alarm_percent < shares.renewal_overdue_percent) {
    return;
  }
  if (draft.expiry_alarm) {
    draft.diagnostics.fault(*draft.expiry_alarm,
                            "must be less than renewal_overdue, which is " +
                                std::to_string(shares.renewal_overdue_percent) + "%");
  } else if (draft.renewal_overdue) {
    draft.diagnostics.fault(*draft.renewal_overdue, "must be more than expiry_alarm, which is " +
                                                        std::to_string(shares.alarm_percent) + "%");
  }
}

// A load balancer that sends no client while no server is up would never learn that one is back.
void check_ready(Draft& draft) {
  const Config& config = draft.config;
  if (!draft.ready || config.ready == Readiness::Process) {
    return;
  }
  for (size_t i = 0; i < config.backends.size(); ++i) {
    if (is_routed(config, i) && !config.backends[i].health) {
      draft.diagnostics.fault(*draft.ready, "needs `health` at backend " +
                                                in_quotes(config.backends[i].name) +
                                                ": only its checks find out that a server is back");
    }
  }
}

// RFC 9051 §5.4: an autologout timer must be at least 30 minutes. Tests need less, so it only
// warns.
void check_idle(Draft& draft) {
  if (!draft.idle || draft.config.timeouts.idle_ms > kAutologoutMs) {
    return;
  }
  draft.diagnostics.warning(
      *draft.idle,
      draft.config.timeouts.idle_ms < kAutologoutMs
          ? "is below the 30 minutes that RFC 9051 §5.4 demands; clients will be cut off"
          : "races with clients that renew IDLE every 29 to 30 minutes; 31m is safe");
}

}  // namespace

Draft::Draft(std::string name, std::string folder_of_file)
    : diagnostics(std::move(name)), folder(std::move(folder_of_file)) {
  policy.preset = Preset::Intermediate;
}

Result<Config> assemble(Draft draft) {
  draft.config.workers =
      draft.workers ? *draft.workers : std::min(usable_processors(), kMaxWorkers);
  take_listeners(draft);
  take_admin(draft);
  take_policies(draft);
  take_backends(draft);
  take_routes(draft);
  check_users(draft);
  check_ready(draft);
  check_idle(draft);
  check_shares(draft);
  if (!draft.diagnostics.ok()) {
    return draft.diagnostics.faults();
  }
  draft.config.warnings = draft.diagnostics.warnings();
  return std::move(draft.config);
}

}  // namespace postern::config
