// Config: the operator's configuration, parsed, checked and immutable. One table
// (internal/table.cc) holds every key's name, form, default and documentation; the parser, `postern
// config-reference` and the table of docs/configuration.md come from it. A bad file reports every
// fault at once: file, line, the bad value and what is allowed. Relative paths start from the
// file's own folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/base/result.h"
#include "proxy/log/log.h"
#include "proxy/net/address.h"
#include "proxy/net/network.h"
#include "tls/certificate_store.h"
#include "tls/client_auth.h"
#include "tls/policy.h"
#include "tls/verification.h"

namespace postern {

inline constexpr size_t kMaxListeners = 64;

// Each as the file writes it.
enum class ListenerTls : uint8_t { Implicit, StartTls };
inline constexpr Names<ListenerTls> kListenerTlsNames{"implicit", "starttls"};
constexpr const char* name_of(ListenerTls value) {
  return kListenerTlsNames[value];
}

// What becomes of a client that offers ALPN protocols, but not imap.
enum class ListenerAlpn : uint8_t { Strict, Lax };
inline constexpr Names<ListenerAlpn> kListenerAlpnNames{"strict", "lax"};
constexpr const char* name_of(ListenerAlpn value) {
  return kListenerAlpnNames[value];
}

// What /ready speaks for: a drain alone makes it fail, or also a backend without a server.
enum class Readiness : uint8_t { Process, Backends };
inline constexpr Names<Readiness> kReadinessNames{"process", "backends"};
constexpr const char* name_of(Readiness value) {
  return kReadinessNames[value];
}

enum class BackendTls : uint8_t { None, StartTls, Implicit };
inline constexpr Names<BackendTls> kBackendTlsNames{"none", "starttls", "implicit"};
constexpr const char* name_of(BackendTls value) {
  return kBackendTlsNames[value];
}

enum class Balance : uint8_t { RoundRobin, LeastSessions, ClientHash };
inline constexpr Names<Balance> kBalanceNames{"round_robin", "least_sessions", "client_hash"};
constexpr const char* name_of(Balance value) {
  return kBalanceNames[value];
}

// How a backend learns whose session it serves.
enum class ClientIdentity : uint8_t { None, ProxyV1, ProxyV2, ImapId };
inline constexpr Names<ClientIdentity> kClientIdentityNames{"none", "proxy_v1", "proxy_v2",
                                                            "imap_id"};
constexpr const char* name_of(ClientIdentity value) {
  return kClientIdentityNames[value];
}

struct ListenerConfig {
  net::Address address;
  ListenerTls tls = ListenerTls::Implicit;
  std::string text;                        // the address as written: the metric's label
  std::optional<tls::Policy> policy = {};  // instead of tls.policy
  size_t sessions = 0;                     // at one time; 0: only limits.sessions applies
  // From these networks a PROXY header is required, from all others it is refused.
  std::vector<net::Network> proxies = {};
  ListenerAlpn alpn = ListenerAlpn::Strict;
};

// Of a certificate's lifetime, what is left. The renewal overdue: its job should have run by now.
struct CertificateShares {
  size_t renewal_overdue_percent = 25;
  size_t alarm_percent = 10;
};

struct TlsConfig {
  tls::Policy policy;
  std::vector<tls::CertificateFiles> certificates;  // empty only with self_signed
  bool self_signed = false;
  std::string ticket_secret;        // path; empty: a random secret for this process
  std::string ticket_secret_where;  // where the configuration names it: "postern.yaml:12"
  std::optional<tls::Policy> shadow_policy = {};
  std::optional<tls::ClientAuthFiles> client_auth = {};
  CertificateShares shares = {};
};

// One server of a backend. Its host alone stands for one with the usual rest.
struct ServerConfig {
  ServerConfig() = default;
  ServerConfig(net::HostPort of) : host(std::move(of)) {}
  ServerConfig(std::string name, uint16_t port) : host{std::move(name), port} {}
  std::string text() const { return host.text(); }

  net::HostPort host;
  size_t weight = 1;        // its share, in relation to the others'
  size_t max_sessions = 0;  // at one time; 0: no limit
  bool backup = false;      // only for sessions that get no other
  bool drain = false;       // gets no new session
};

// How often each address of a server is checked, and how many checks in a row change its state.
struct HealthConfig {
  uint64_t interval_ms = 10'000;
  uint64_t timeout_ms = 5'000;
  size_t rise = 2;
  size_t fall = 3;
};

struct BackendConfig {
  std::string name;
  std::vector<ServerConfig> servers;  // at least one
  BackendTls tls = BackendTls::None;
  tls::Verification verify;
  std::string ca_where = {};  // where the configuration names verify.ca
  // What servers that ask for a certificate get to see.
  std::optional<tls::CertificateFiles> client_certificate = {};
  tls::Version min_version = tls::Version::Tls12;
  Balance balance = Balance::LeastSessions;
  ClientIdentity client_identity = ClientIdentity::None;
  // To connect from, in turns; without ports. Empty: the kernel chooses.
  std::vector<net::Address> source = {};
  std::optional<HealthConfig> health = {};  // else nothing is checked but by sessions
  uint64_t slow_start_ms = 30'000;          // from none to the whole share; 0: at once
};

// By the name that a client asks for, or by its user: one of the two is empty.
struct RouteConfig {
  std::string sni;        // lower case: "mail.example.org" or "*.example.org"
  size_t backend = 0;     // index into Config::backends
  std::string user = {};  // a user_name() (proxy/users/user_name.h) or "*@example.org"
};

// The HTTP service that says which backend a user has.
struct LookupConfig {
  std::string url = {};        // as written; the four that follow are its parts
  bool tls = false;            // https
  net::HostPort host = {};     // to connect to
  std::string authority = {};  // host and port as the url has them
  std::string target = {};     // path and query
  uint64_t timeout_ms = 2'000;
  uint64_t cache_ms = 60'000;  // 0: each login asks
  std::string ca = {};         // path of the authorities; empty: those of the system
  std::string ca_where = {};   // where the configuration names it
};

// What leads users to backends, beside routes[].user.
struct UsersConfig {
  std::string map = {};             // path of a file of lines "user backend"
  std::string map_where = {};       // where the configuration names it
  std::string default_domain = {};  // of names without "@"
  std::optional<LookupConfig> lookup = {};
};

struct Rate {
  size_t max = 0;  // 0: no limit
  uint64_t per_ms = 60'000;
};

struct LoginFailures {
  size_t max = 10;
  uint64_t per_ms = 600'000;
  uint64_t ban_ms = 900'000;
  uint64_t delay_ms = 500;  // of the second failure; doubles with each further one
  uint64_t longest_delay_ms = 8'000;
  std::vector<net::Network> exempt = {};
};

struct Limits {
  size_t sessions = 100'000;
  size_t sessions_per_address = 1'000;  // IPv6 by /64
  size_t handshakes_in_flight = 1'000;
  size_t handshakes_per_address = 250;  // IPv6 by /64
  size_t memory = 0;                    // bytes; 0: no limit
  size_t command_before_login = 128 * kKiB;
  size_t commands_before_login = 100;
  Rate connections_per_address = {};     // IPv6 by /64
  std::vector<net::Network> allow = {};  // empty: all
  std::optional<LoginFailures> login_failures = {};
  std::vector<net::Network> deny = {};  // overrides `allow`
};

struct Timeouts {  // milliseconds
  uint64_t handshake_ms = 10'000;
  uint64_t login_ms = 60'000;
  uint64_t connect_ms = 5'000;
  uint64_t idle_ms = 1'860'000;    // 31 minutes: RFC 9051 §5.4 and a margin
  uint64_t idle_keepalive_ms = 0;  // 0: off
  uint64_t drain_delay_ms = 0;
  uint64_t drain_ms = 30'000;
  uint64_t spread_ms = 10'000;
};

struct Config {
  size_t workers = 1;  // "auto" is already resolved to the usable processors
  std::vector<ListenerConfig> listeners;
  TlsConfig tls;
  std::vector<BackendConfig> backends;
  std::vector<RouteConfig> routes;
  UsersConfig users;
  size_t default_backend = 0;
  Limits limits;
  Timeouts timeouts;
  std::optional<net::Address> admin;
  std::optional<tls::CertificateFiles> admin_tls;  // nullopt: the admin endpoint is in clear
  std::string admin_token;        // path; empty: the admin endpoint takes no actions
  std::string admin_token_where;  // where the configuration names it
  Readiness ready = Readiness::Process;
  bool command_metrics = true;  // count the clients' IMAP commands
  std::string state_directory;  // for what outlasts the process; empty: nothing does
  std::string user;             // the user to become once the sockets are open; empty: no change
  bool core_dumps = false;      // also lets debuggers of the same user attach
  bool seccomp = true;          // see process/seccomp.h
  log::Format log_format = log::Format::Text;
  log::Level log_level = log::Level::Info;
  std::string log_file;  // empty: standard error
  // Whose sessions are nothing to write or to count as failures as long as they do not log in.
  std::vector<net::Network> probes = {};
  // Allowed but doubtful values, for the log at start and for `postern check`.
  Faults warnings;

  static Result<Config> load(const std::string& path);
  // `name` stands for the file in faults; relative paths are resolved against `folder`.
  static Result<Config> parse(const std::string& yaml, const std::string& name,
                              const std::string& folder);
};

// The documented configuration, itself a valid file, made from the table.
std::string config_reference();
// The same as a Markdown table, for docs/configuration.md.
std::string config_markdown();

// Whether a client can come to it: by a route, by the map of users, by lookup, or by default.
bool is_routed(const Config& config, size_t backend);
// Whether its user can make a difference, so that postern must read who logs in.
bool routes_by_user(const Config& config);

}  // namespace postern
