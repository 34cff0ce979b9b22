// The catalogue: every metric once, with type, name, help and labels. This is exported surface:
// dashboards and alert rules depend on it, so a change here is a change of interface and belongs in
// CHANGELOG.md. docs/metrics.md is generated from it. Label values are bounded by construction: the
// set of each label is known when the process starts, or grows with the configuration, up to a
// limit.
#pragma once

#include <span>
#include <string>

#include "metrics/metric.h"

namespace postern::metrics {

namespace rows {

using enum Label;
using enum Type;

constexpr bool kSampled = true;

inline constexpr std::array<Descriptor, kCountOf<Metric>> kCatalog{{
    {Metric::SessionsTotal,
     Counter,
     "postern_sessions_total",
     "Client sessions that ended, by the reason why.",
     {Listener, EndReason}},
    {Metric::SessionsActive,
     Gauge,
     "postern_sessions_active",
     "Client sessions between accept and close.",
     {Listener}},
    {Metric::SessionsAuthenticated,
     Gauge,
     "postern_sessions_authenticated",
     "Active sessions whose client has logged in.",
     {}},
    {Metric::SessionsIdle,
     Gauge,
     "postern_sessions_idle",
     "Active sessions whose client is waiting in the IMAP command IDLE.",
     {}},
    {Metric::SessionsOpaque,
     Gauge,
     "postern_sessions_opaque",
     "Active sessions that became unreadable to the gateway because the client turned on COMPRESS.",
     {}},
    {Metric::AcceptFailures,
     Counter,
     "postern_accept_failures_total",
     "Connections that could not be accepted.",
     {AcceptFailure}},
    {Metric::ProxyHeaders,
     Counter,
     "postern_proxy_headers_total",
     "PROXY headers of clients, by version (local: the header names no client) or by what was "
     "wrong, a missing header included.",
     {Listener, ProxyHeader}},
    {Metric::Handshakes,
     Counter,
     "postern_handshakes_total",
     "TLS handshakes with clients that succeeded, by what was negotiated.",
     {Version, Cipher, Group, Resumed}},
    {Metric::HandshakeFailures,
     Counter,
     "postern_handshake_failures_total",
     "TLS handshakes with clients that failed, by the reason why.",
     {Listener, TlsFailure}},
    {Metric::HandshakesInFlight,
     Gauge,
     "postern_handshakes_in_flight",
     "TLS handshakes with clients that have begun and not ended.",
     {}},
    {Metric::HandshakeDuration,
     Histogram,
     "postern_handshake_duration_seconds",
     "Time of a successful TLS handshake with a client, from its first byte.",
     {}},
    {Metric::ShadowRefusals,
     Counter,
     "postern_shadow_refusals_total",
     "ClientHellos that the policy in force accepts and the shadow policy would refuse, by the "
     "reason why.",
     {ShadowReason}},
    {Metric::Logins,
     Counter,
     "postern_logins_total",
     "Login attempts by how they ended: success; failure, the backend refused the secret; "
     "abandoned, the client sent the secret and hung up before the answer (these two count as "
     "guesses); cancelled, the client gave up before it sent a secret; unsupported, the backend "
     "does not accept such a login; privacy_required, it wants a secured hop; denied, expired and "
     "unavailable, it refused for another reason than the secret; interrupted, the attempt ended "
     "without an answer.",
     {Backend, Mechanism, LoginResult}},
    {Metric::LoginDuration,
     Histogram,
     "postern_login_duration_seconds",
     "Time the backend took to answer a login attempt.",
     {Backend}},
    {Metric::LoginFailuresCounted,
     Counter,
     "postern_login_failures_counted_total",
     "Logins that failed or were abandoned and were counted against the client's address.",
     {}},
    {Metric::LoginFailureDelay,
     Histogram,
     "postern_login_failure_delay_seconds",
     "Time by which the answer to a failed login was delayed, if it was.",
     {}},
    {Metric::LoginBans,
     Counter,
     "postern_login_bans_total",
     "Bans of an address because of too many failed logins.",
     {}},
    {Metric::LoginGuardEntries,
     Gauge,
     "postern_login_guard_entries",
     "Addresses, and pairs of address and user name, whose failed logins are remembered.",
     {},
     kSampled},
    {Metric::CleartextLoginsRefused,
     Counter,
     "postern_cleartext_logins_refused_total",
     "LOGIN and AUTHENTICATE commands refused because the client had not started TLS.",
     {}},
    {Metric::StarttlsRefused,
     Counter,
     "postern_starttls_refused_total",
     "STARTTLS commands refused because the connection was already inside TLS.",
     {}},
    {Metric::CommandsRefused,
     Counter,
     "postern_commands_refused_total",
     "Commands before login that the gateway answered BAD and did not pass on, by the reason why.",
     {Refusal}},
    {Metric::IdFieldsDropped,
     Counter,
     "postern_id_fields_dropped_total",
     "Fields removed from clients' ID commands because only a proxy may set them, such as "
     "x-originating-ip.",
     {}},
    {Metric::Violations,
     Counter,
     "postern_protocol_violations_total",
     "Sessions ended because the client or the backend broke the protocol or a limit of it, by "
     "what it did.",
     {Hop, Violation}},
    {Metric::Bytes,
     Counter,
     "postern_bytes_total",
     "Plaintext bytes received (in) and sent (out) by the gateway on each hop.",
     {Hop, Direction}},
    {Metric::ReadPauses,
     Counter,
     "postern_read_pauses_total",
     "Times that reading from a hop was paused because the other one accepted no more.",
     {Hop}},
    {Metric::WaitingBytes,
     Gauge,
     "postern_waiting_bytes",
     "Bytes queued for clients and servers that read them too slowly.",
     {},
     kSampled},
    {Metric::MemoryLimit,
     Gauge,
     "postern_memory_limit_bytes",
     "Memory that the process may use, if the configuration limits it.",
     {},
     kSampled},
    {Metric::MemoryShortages,
     Counter,
     "postern_memory_shortages_total",
     "Times that memory use reached three quarters of the limit and slow peers had to wait.",
     {}},
    {Metric::BackendConnects,
     Counter,
     "postern_backend_connects_total",
     "Attempts to reach a backend server for a session, by result.",
     {Backend, Server, ConnectResult}},
    {Metric::BackendConnectDuration,
     Histogram,
     "postern_backend_connect_duration_seconds",
     "Time of a successful attempt to reach a backend server, TLS included.",
     {Backend}},
    {Metric::BackendSessions,
     Gauge,
     "postern_backend_sessions_active",
     "Sessions that hold a connection to a backend server.",
     {Backend, Server}},
    {Metric::BackendHandshakes,
     Counter,
     "postern_backend_handshakes_total",
     "TLS handshakes with backend servers that succeeded, by what was negotiated.",
     {Backend, Version, Cipher}},
    {Metric::BackendIdentityRefusals,
     Counter,
     "postern_backend_identity_refusals_total",
     "ID commands with a client's address that a backend server answered NO or BAD.",
     {Backend, Server}},
    {Metric::BackendInfo,
     Gauge,
     "postern_backend_info",
     "Always 1; the labels say how the hop to a backend is protected.",
     {Backend, Tls, Verify},
     kSampled},
    {Metric::BackendCertificateNotAfter,
     Gauge,
     "postern_backend_certificate_not_after_timestamp_seconds",
     "When the certificate that a backend server last showed expires, as Unix time.",
     {Backend, Server},
     kSampled},
    {Metric::CertificateNotAfter,
     Gauge,
     "postern_certificate_not_after_timestamp_seconds",
     "When a certificate shown to clients expires, as Unix time.",
     {Certificate, KeyType},
     kSampled},
    {Metric::CertificateOcspNextUpdate,
     Gauge,
     "postern_certificate_ocsp_next_update_timestamp_seconds",
     "When the OCSP response of a certificate is no longer stapled, as Unix time; 0 if there is "
     "none, though one is configured or promised.",
     {Certificate, KeyType},
     kSampled},
    {Metric::CertificateReloads,
     Counter,
     "postern_certificate_reloads_total",
     "Attempts to load certificates and secrets whose files changed; an error leaves the old ones "
     "in force.",
     {Result}},
    {Metric::ConfigReloads,
     Counter,
     "postern_config_reloads_total",
     "Attempts to reload configuration and certificates; an error leaves the old ones in force.",
     {Result}},
    {Metric::ConfigReloadSuccessful,
     Gauge,
     "postern_config_last_reload_successful",
     "Whether the last attempt to reload the configuration succeeded, 1 or 0; 1 before the first.",
     {},
     kSampled},
    {Metric::ConfigReloadTime,
     Gauge,
     "postern_config_last_reload_timestamp_seconds",
     "When the configuration in force was loaded, as Unix time.",
     {},
     kSampled},
    {Metric::SessionsLimit,
     Gauge,
     "postern_sessions_limit",
     "The largest number of sessions that the configuration admits.",
     {},
     kSampled},
    {Metric::Workers, Gauge, "postern_workers", "Worker threads that serve clients.", {}, kSampled},
    {Metric::Ready,
     Gauge,
     "postern_ready",
     "Whether the process wants new clients: 1 if /ready answers 200, 0 while it drains; the "
     "state of backends does not matter.",
     {},
     kSampled},
    {Metric::AdminRequests,
     Counter,
     "postern_admin_requests_total",
     "Requests that the admin endpoint answered.",
     {Path, Code}},
    {Metric::LogLinesLost,
     Counter,
     "postern_log_lines_lost_total",
     "Log lines that could not be written: standard error was full, closed or not read.",
     {},
     kSampled},
    {Metric::BuildInfo,
     Gauge,
     "postern_build_info",
     "Always 1; the labels say which build is running.",
     {BuildVersion, Revision},
     kSampled},
    {Metric::ProcessCpuSeconds,
     Counter,
     "process_cpu_seconds_total",
     "Total user and system CPU time spent in seconds.",
     {},
     kSampled},
    {Metric::ProcessResidentMemory,
     Gauge,
     "process_resident_memory_bytes",
     "Resident memory size in bytes.",
     {},
     kSampled},
    {Metric::ProcessVirtualMemory,
     Gauge,
     "process_virtual_memory_bytes",
     "Virtual memory size in bytes.",
     {},
     kSampled},
    {Metric::ProcessOpenFds,
     Gauge,
     "process_open_fds",
     "Number of open file descriptors.",
     {},
     kSampled},
    {Metric::ProcessMaxFds,
     Gauge,
     "process_max_fds",
     "Maximum number of open file descriptors.",
     {},
     kSampled},
    {Metric::ProcessStartTime,
     Gauge,
     "process_start_time_seconds",
     "Start time of the process since the Unix epoch in seconds.",
     {},
     kSampled},
}};

}  // namespace rows

using rows::kCatalog;

constexpr std::span<const Descriptor> catalog() {  // in the order of Metric
  return kCatalog;
}

constexpr const Descriptor& descriptor(Metric metric) {
  return kCatalog[static_cast<size_t>(metric)];
}

// The labels whose indices address the cells of a metric: those exported, but no Backend that a
// Server follows. A server belongs to one backend, so its index stands for both.
constexpr std::array<Label, 4> dimensions(Metric metric) {
  const std::array<Label, 4>& labels = descriptor(metric).labels;
  std::array<Label, 4> dimensions{};
  size_t count = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool named_by_server =
        labels[i] == Label::Backend && i + 1 < labels.size() && labels[i + 1] == Label::Server;
    if (!named_by_server) {
      dimensions[count++] = labels[i];
    }
  }
  return dimensions;
}

// Upper bounds of all histograms, in microseconds: 100 us … 60 s; exported in seconds.
std::span<const uint64_t> bucket_bounds_us();

// The catalogue as a Markdown table, for docs/metrics.md.
std::string catalog_markdown();

}  // namespace postern::metrics
