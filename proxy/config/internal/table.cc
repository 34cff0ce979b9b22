#include "proxy/config/internal/table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

constexpr std::string_view kItem = "[]";
constexpr std::string_view kNamed = ".NAME";

// Lambdas without captures are constants: the table needs no code that runs before main().
constexpr auto kFirstRows = std::to_array<Row>({
    {.path = "workers",
     .syntax = "auto or 1 to 256",
     .doc = "Threads that serve sessions, each with its own event loop. auto: one for each "
            "processor that the process may use, by its affinity and its CPU quota. A change needs "
            "a restart.",
     .show = [](Draft& d) { return show_workers(d.workers); },
     .on_value = [](Draft& d, const SourceValue& w) { read_workers(w, d.workers, d.diagnostics); }},

    {.path = "user",
     .syntax = "name of a user",
     .example = "postern",
     .doc = "The user to become once the sockets are open, with that user's groups and no "
            "capability. Postern must be started as root. It reads certificates and keys as root "
            "at the start, and as this user on a reload. A change needs a restart.",
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_user(w, d.config.user, d.diagnostics); }},
    {.path = "state_directory",
     .syntax = kPath,
     .example = "/var/lib/postern",
     .doc = "A folder, which the user may write, for what outlasts the process: the bans. Without "
            "this key they end with it. A change needs a restart.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.config.state_directory, d.diagnostics);
         }},
    {.path = "core_dumps",
     .syntax = "true or false",
     .doc = "Whether the process may dump core and a debugger of the same user may attach to it: "
            "both show private keys and mail. A change needs a restart.",
     .show = [](Draft& d) { return show_boolean(d.config.core_dumps); },
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_boolean(w, d.config.core_dumps, d.diagnostics); }},
    {.path = "seccomp",
     .syntax = "true or false",
     .doc = "Whether a filter of system calls denies the threads that serve clients all files, "
            "programs, executable memory and sockets other than IP. A change needs a restart.",
     .show = [](Draft& d) { return show_boolean(d.config.seccomp); },
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_boolean(w, d.config.seccomp, d.diagnostics); }},

    {.path = "listeners",
     .shape = Shape::Maps,
     .required = true,
     .syntax = "list of 1 to 64",
     .doc = "Where clients connect. Their number, address and tls need a restart or an upgrade; a "
            "reload "
            "changes the rest.",
     .max_items = kMaxListeners,
     .on_begin = [](Draft& d, const SourceValue&) { d.listeners.emplace_back(); }},
    {.path = "listeners[].address",
     .required = true,
     .syntax = "IP:PORT, [IPv6]:PORT",
     .example = "\"[::]:993\"",
     .doc = "The address to listen on. [::] takes IPv4 as well.",
     .on_value = [](Draft& d, const SourceValue& w) { d.listeners.back().address = w; }},
    {.path = "listeners[].tls",
     .syntax = "implicit or starttls",
     .doc = "implicit: TLS from the first byte, as on port 993. starttls: the client must ask for "
            "STARTTLS before it may log in, as on port 143.",
     .show = [](Draft& d) { return show_choice(d.listeners.back().tls); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.listeners.back().tls, d.diagnostics);
         }},
    {.path = "listeners[].alpn",
     .syntax = "strict or lax",
     .doc = "strict: a client that offers protocols by ALPN must offer imap; the log has the offer "
            "of a client that is refused. lax: such a client is served as if it had offered none. "
            "A reload changes it.",
     .show = [](Draft& d) { return show_choice(d.listeners.back().alpn); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.listeners.back().alpn, d.diagnostics);
         }},
});

constexpr auto kProxyRows = std::to_array<Row>({
    {.path = "listeners[].proxy_protocol",
     .shape = Shape::Map,
     .syntax = "map",
     .doc =
         "For listeners behind load balancers that announce their clients by the PROXY protocol, "
         "version 1 or 2, before TLS and greeting. Limits, logs and backends then see the "
         "announced client. A reload changes it."},
    {.path = "listeners[].proxy_protocol.from",
     .shape = Shape::Scalars,
     .required = true,
     .syntax = "list of 1 to 256 networks",
     .example = "[10.0.0.0/8]",
     .doc = "The networks of the load balancers. Every connection from them must begin with a "
            "header; from all others, and on listeners without this key, a connection with a "
            "header is refused.",
     .max_items = 256,
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_network(w, d.listeners.back().proxies, d.diagnostics);
           if (w.text.ends_with("/0")) {
             d.diagnostics.warning(w, "lets anybody claim to be any client");
           }
         }},
});

constexpr auto kTlsRow = std::to_array<Row>({
    {.path = "tls",
     .shape = Shape::Map,
     .required = true,
     .syntax = "map",
     .doc = "TLS towards clients."},
});

constexpr auto kTimeoutRows = std::to_array<Row>({
    {.path = "timeouts", .shape = Shape::Map, .syntax = "map", .doc = "Up to 24h each."},
    {.path = "timeouts.handshake",
     .syntax = kDuration,
     .doc = "From accept, or from the answer to STARTTLS, to the end of the handshake. A PROXY "
            "header may take the same time before that.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.handshake_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, d.config.timeouts.handshake_ms, d.diagnostics);
         }},
    {.path = "timeouts.login",
     .syntax = kDuration,
     .doc = "From accept to a successful login. Nothing that the client sends extends it, but a "
            "login that is with the server then may be answered within 30 s of its start.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.login_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, d.config.timeouts.login_ms, d.diagnostics);
         }},
    {.path = "timeouts.connect",
     .syntax = kDuration,
     .doc = "From the first attempt to reach a backend to its greeting, over all servers and "
            "addresses that are tried, TLS included.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.connect_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, d.config.timeouts.connect_ms, d.diagnostics);
         }},
    {.path = "timeouts.idle",
     .syntax = kDuration,
     .doc = "The longest silence after login. RFC 9051 5.4 demands at least 30 minutes; exactly 30 "
            "races with clients that renew IDLE every 29 to 30. 30 minutes or less warns.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.idle_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, d.config.timeouts.idle_ms, d.diagnostics);
           d.idle = w;
         }},
    {.path = "timeouts.idle_keepalive",
     .syntax = kDuration,
     .doc =
         "How long nothing may pass before a client in IDLE hears `* OK Still here`, for networks "
         "that forget connections at "
         "rest; 4m is usual. 0s: it hears nothing. Such a line puts off no end of timeouts.idle.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.idle_keepalive_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.config.timeouts.idle_keepalive_ms, d.diagnostics);
         }},
    {.path = "timeouts.drain_delay",
     .syntax = kDuration,
     .doc = "How long new clients are still served after SIGTERM, while /ready says 503: the time "
            "that load balancers and Kubernetes need to stop sending clients here.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.drain_delay_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.config.timeouts.drain_delay_ms, d.diagnostics);
         }},
    {.path = "timeouts.drain",
     .syntax = kDuration,
     .doc =
         "How long sessions may continue after that. They are ended one after another, each when "
         "it has no command in flight. 0s cuts them at once.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.drain_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.config.timeouts.drain_ms, d.diagnostics);
         }},
    {.path = "timeouts.spread",
     .syntax = kDuration,
     .doc =
         "When a server goes that hundreds of sessions are on, within how long those at rest are "
         "ended with a BYE, each at a time of its own, so that not all clients come back at "
         "once. A client that has a command in flight, or sends one, hears it at once. 0s: all "
         "do.",
     .show = [](Draft& d) { return show_duration(d.config.timeouts.spread_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.config.timeouts.spread_ms, d.diagnostics);
         }},

});

constexpr auto kLogRows = std::to_array<Row>({
    {.path = "metrics", .shape = Shape::Map, .syntax = "map", .doc = "What is counted."},
    {.path = "metrics.commands",
     .syntax = "true or false",
     .doc = "Whether to count the IMAP commands of clients, and the time that the backend takes to "
            "answer them. A reload changes it for new sessions.",
     .show = [](Draft& d) { return show_boolean(d.config.command_metrics); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_boolean(w, d.config.command_metrics, d.diagnostics);
         }},

    {.path = "log",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "The log goes to standard error, one line per event."},
    {.path = "log.format",
     .syntax = "text, json or opentelemetry",
     .doc = "key=value for people, or JSON objects for machines; opentelemetry: with the names of "
            "its data model and of its semantic conventions.",
     .show = [](Draft& d) { return show_choice(d.config.log_format); },
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_choice(w, d.config.log_format, d.diagnostics); }},
    {.path = "log.level",
     .syntax = "debug, info, warn or error",
     .doc = "The least severe level that is written.",
     .show = [](Draft& d) { return show_choice(d.config.log_level); },
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_choice(w, d.config.log_level, d.diagnostics); }},
    {.path = "log.file",
     .syntax = kPath,
     .example = "/var/log/postern/postern.log",
     .doc = "Where the log goes instead of standard error. The user that postern runs as must be "
            "able to write it and to make files in its folder. SIGUSR1 opens it again, after "
            "logrotate has renamed it; a reload changes it.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.config.log_file, d.diagnostics);
         }},
    {.path = "log.probes",
     .shape = Shape::Scalars,
     .syntax = "list of 1 to 256 networks",
     .example = "[10.1.0.0/24]",
     .doc = "Where health checks come from. A session from there that ends before it has logged in "
            "for a reason of its own, such as a port check, a failed handshake or silence, writes "
            "no line above debug, and is counted as end_reason probe and as no failure.",
     .max_items = 256,
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_network(w, d.config.probes, d.diagnostics); }},
});

// The rows in the order of the reference.
std::vector<Row> join_rows() {
  std::vector<Row> rows;
  for (const std::span<const Row> part :
       {std::span<const Row>(kFirstRows), listener_limit_rows(), listener_policy_rows(),
        std::span<const Row>(kProxyRows), std::span<const Row>(kTlsRow), policy_rows(),
        shadow_policy_rows(), certificate_rows(), client_rows(), backend_rows(), server_rows(),
        backend_hop_rows(), health_rows(), route_rows(), lookup_rows(), limit_rows(),
        std::span<const Row>(kTimeoutRows), admin_rows(), std::span<const Row>(kLogRows)}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

}  // namespace

std::string_view Row::name() const {
  return path.substr(path.rfind('.') + 1);
}

std::string_view Row::parent() const {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) {
    return {};
  }
  std::string_view above = path.substr(0, dot);
  if (above.ends_with(kItem)) {
    above.remove_suffix(kItem.size());
  }
  if (above.ends_with(kNamed)) {
    above.remove_suffix(kNamed.size());
  }
  return above;
}

size_t Row::depth() const {
  return static_cast<size_t>(std::count(path.begin(), path.end(), '.')) +
         static_cast<size_t>(std::count(path.begin(), path.end(), '['));
}

Draft initial_draft() {
  Draft draft("", "");
  draft.listeners.emplace_back();
  draft.backends.emplace_back().servers.emplace_back();
  draft.backends.back().config.health.emplace();
  draft.config.tls.client_auth.emplace();
  draft.config.limits.login_failures.emplace();
  draft.config.users.lookup.emplace();
  return draft;
}

std::string default_of(const Row& row) {
  Draft draft = initial_draft();
  return row.show == nullptr ? "" : row.show(draft);
}

std::span<const Row> table() {
  static const std::vector<Row> rows = join_rows();
  return rows;
}

}  // namespace postern::config
