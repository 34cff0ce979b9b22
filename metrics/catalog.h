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

constexpr Descriptor counter(Metric id, const char* name, const char* help,
                             const std::array<Label, 4>& labels = {}) {
  return {.id = id, .type = Type::Counter, .name = name, .help = help, .labels = labels};
}
constexpr Descriptor gauge(Metric id, const char* name, const char* help,
                           const std::array<Label, 4>& labels = {}) {
  return {.id = id, .type = Type::Gauge, .name = name, .help = help, .labels = labels};
}
constexpr Descriptor histogram(Metric id, const char* name, const char* help,
                               const std::array<Label, 4>& labels = {},
                               Buckets buckets = Buckets::Fine) {
  return {.id = id,
          .type = Type::Histogram,
          .name = name,
          .help = help,
          .labels = labels,
          .buckets = buckets};
}
// Given at a scrape, not counted by workers.
constexpr Descriptor sampled(Descriptor metric) {
  metric.sampled = true;
  return metric;
}

inline constexpr std::array<Descriptor, kCountOf<Metric>> kCatalog{{
    counter(Metric::SessionsTotal, "postern_sessions_total",
            "Client sessions that ended, by the reason why.", {Listener, EndReason}),
    gauge(Metric::SessionsActive, "postern_sessions_active",
          "Client sessions between accept and close.", {Listener}),
    gauge(Metric::SessionsAuthenticated, "postern_sessions_authenticated",
          "Active sessions whose client has logged in."),
    gauge(Metric::SessionsIdle, "postern_sessions_idle",
          "Active sessions whose client is waiting in the IMAP command IDLE."),
    gauge(Metric::SessionsOpaque, "postern_sessions_opaque",
          "Active sessions that became unreadable to the gateway because the client turned on "
          "COMPRESS."),
    counter(Metric::AcceptFailures, "postern_accept_failures_total",
            "Connections that could not be accepted.", {AcceptFailure}),
    counter(Metric::ProxyHeaders, "postern_proxy_headers_total",
            "PROXY headers of clients, by version (local: the header names no client) or by what "
            "was wrong, a missing header included.",
            {Listener, ProxyHeader}),
    counter(Metric::Handshakes, "postern_handshakes_total",
            "TLS handshakes with clients that succeeded, by what was negotiated.",
            {Version, Cipher, Group, Resumed}),
    counter(Metric::HandshakeFailures, "postern_handshake_failures_total",
            "TLS handshakes with clients that failed, by the reason why.", {Listener, TlsFailure}),
    gauge(Metric::HandshakesInFlight, "postern_handshakes_in_flight",
          "TLS handshakes with clients that have begun and not ended."),
    histogram(Metric::HandshakeDuration, "postern_handshake_duration_seconds",
              "Time of a successful TLS handshake with a client, from its first byte."),
    counter(Metric::ShadowRefusals, "postern_shadow_refusals_total",
            "ClientHellos that the policy in force accepts and the shadow policy would refuse, by "
            "the reason why.",
            {ShadowReason}),
    counter(Metric::Logins, "postern_logins_total",
            "Login attempts by how they ended: success; failure, the backend refused the secret; "
            "abandoned, the client sent the secret and hung up before the answer (these two count "
            "as guesses); cancelled, the client gave up before it sent a secret; unsupported, the "
            "backend does not accept such a login; privacy_required, it wants a secured hop; "
            "denied, expired and unavailable, it refused for another reason than the secret; "
            "interrupted, the attempt ended without an answer.",
            {Backend, Mechanism, LoginResult}),
    histogram(Metric::LoginDuration, "postern_login_duration_seconds",
              "Time the backend took to answer a login attempt.", {Backend}),
    counter(Metric::LoginFailuresCounted, "postern_login_failures_counted_total",
            "Logins that failed or were abandoned and were counted against the client's address."),
    histogram(Metric::LoginFailureDelay, "postern_login_failure_delay_seconds",
              "Time by which the answer to a failed login was delayed, if it was."),
    counter(Metric::LoginBans, "postern_login_bans_total",
            "Bans of an address because of too many failed logins."),
    sampled(
        gauge(Metric::BansActive, "postern_bans_active",
              "Addresses (IPv6: /64 networks) that are banned now, because of failed logins or by "
              "hand, at most 16384.")),
    sampled(gauge(
        Metric::LoginGuardEntries, "postern_login_guard_entries",
        "Addresses, and pairs of address and user name, whose failed logins are remembered.")),
    counter(Metric::UserLookups, "postern_user_lookups_total",
            "Questions where a user is, by result: found; unknown, the service does not know the "
            "user; cached, it had answered lately; else why it gave no usable answer; logins that "
            "wait for one answer are one question.",
            {LookupResult}),
    histogram(Metric::UserLookupDuration, "postern_user_lookup_duration_seconds",
              "Time that a question about a user took, from the login to a usable answer of the "
              "service."),
    counter(Metric::CleartextLoginsRefused, "postern_cleartext_logins_refused_total",
            "LOGIN and AUTHENTICATE commands refused because the client had not started TLS."),
    counter(Metric::StarttlsRefused, "postern_starttls_refused_total",
            "STARTTLS commands refused because the connection was already inside TLS."),
    counter(Metric::CommandsRefused, "postern_commands_refused_total",
            "Commands before login that the gateway answered BAD and did not pass on, by the "
            "reason why.",
            {CommandRefusal}),
    counter(Metric::IdFieldsDropped, "postern_id_fields_dropped_total",
            "Fields removed from clients' ID commands because only a proxy may set them, such as "
            "x-originating-ip."),
    counter(Metric::Commands, "postern_imap_commands_total",
            "IMAP commands that a backend was sent, by its answer; abandoned: the session ended, "
            "or the backend went on, without one.",
            {Command, CommandResult}),
    histogram(Metric::CommandDuration, "postern_imap_command_duration_seconds",
              "Time from the last octet of an IMAP command to the backend's tagged answer, for all "
              "but IDLE.",
              {Command}, Buckets::Coarse),
    counter(Metric::Violations, "postern_protocol_violations_total",
            "Sessions ended because the client or the backend broke the protocol or a limit of it, "
            "by what it did.",
            {Hop, Violation}),
    sampled(counter(Metric::Failures, "postern_failures_total",
                    "What has failed for a client, at a server or in the gateway, by its cause, as "
                    "on the status page; without backend if it has come to none.",
                    {Backend, Cause})),
    counter(Metric::Bytes, "postern_bytes_total",
            "Plaintext bytes received (in) and sent (out) by the gateway on each hop.",
            {Hop, Direction}),
    counter(Metric::ReadPauses, "postern_read_pauses_total",
            "Times that reading from a hop was paused because the other one accepted no more.",
            {Hop}),
    sampled(gauge(Metric::WaitingBytes, "postern_waiting_bytes",
                  "Bytes queued for clients and servers that read them too slowly.")),
    sampled(gauge(Metric::MemoryLimit, "postern_memory_limit_bytes",
                  "Memory that the process may use, if the configuration limits it.")),
    counter(
        Metric::MemoryShortages, "postern_memory_shortages_total",
        "Times that memory use reached three quarters of the limit and slow peers had to wait."),
    counter(Metric::BackendConnects, "postern_backend_connects_total",
            "Attempts to reach a backend server for a session, by result.",
            {Backend, Server, ConnectResult}),
    histogram(Metric::BackendConnectDuration, "postern_backend_connect_duration_seconds",
              "Time of a successful attempt to reach a backend server, TLS included.", {Backend}),
    counter(Metric::BackendProbes, "postern_backend_probes_total",
            "Checks of a backend server's health, of one address each, by result.",
            {Backend, Server, ConnectResult}),
    gauge(Metric::BackendSessions, "postern_backend_sessions_active",
          "Sessions that hold a connection to a backend server.", {Backend, Server}),
    sampled(gauge(Metric::BackendSessionsLimit, "postern_backend_sessions_limit",
                  "The largest number of sessions that the configuration allows a backend server; "
                  "absent if there is no limit.",
                  {Backend, Server})),
    sampled(gauge(
        Metric::BackendServerState, "postern_backend_server_state",
        "1 for the state that a backend server is in, 0 for the others: up; backup, it is up, but "
        "only for when others are not; suspect, one of its addresses has failed; down, all of them "
        "have, again after the first failure; draining, it gets no new session.",
        {Backend, Server, State})),
    counter(Metric::BackendHandshakes, "postern_backend_handshakes_total",
            "TLS handshakes with backend servers that succeeded, by what was negotiated.",
            {Backend, Version, Cipher, Group}),
    counter(Metric::BackendIdentityRefusals, "postern_backend_identity_refusals_total",
            "ID commands with a client's address that a backend server answered NO or BAD.",
            {Backend, Server}),
    sampled(gauge(Metric::BackendInfo, "postern_backend_info",
                  "Always 1; the labels say how the hop to a backend is protected.",
                  {Backend, Tls, Verify})),
    sampled(gauge(Metric::BackendCertificateNotAfter,
                  "postern_backend_certificate_not_after_timestamp_seconds",
                  "When the certificate that a backend server last showed expires, as Unix time.",
                  {Backend, Server})),
    sampled(gauge(Metric::BackendCertificateNotBefore,
                  "postern_backend_certificate_not_before_timestamp_seconds",
                  "When the lifetime of the certificate that a backend server last showed began, "
                  "as Unix time.",
                  {Backend, Server})),
    sampled(gauge(Metric::CertificateNotAfter, "postern_certificate_not_after_timestamp_seconds",
                  "When a certificate shown to clients expires, as Unix time.",
                  {Certificate, KeyType})),
    sampled(gauge(Metric::CertificateNotBefore, "postern_certificate_not_before_timestamp_seconds",
                  "When the lifetime of a certificate shown to clients began, as Unix time.",
                  {Certificate, KeyType})),
    sampled(gauge(Metric::CertificateChainNotAfter,
                  "postern_certificate_chain_not_after_timestamp_seconds",
                  "When the first of the certificates that are sent after a certificate, its "
                  "intermediates, expires, as Unix time; absent if none is sent.",
                  {Certificate, KeyType})),
    sampled(gauge(Metric::CertificateRenewalOverdueRatio,
                  "postern_certificate_renewal_overdue_ratio",
                  "Share of its lifetime below which a certificate should have been renewed, as "
                  "configured.")),
    sampled(gauge(
        Metric::CertificateAlarmRatio, "postern_certificate_alarm_ratio",
        "Share of its lifetime below which a certificate is a critical alert, as configured.")),
    sampled(gauge(Metric::CertificateOcspNextUpdate,
                  "postern_certificate_ocsp_next_update_timestamp_seconds",
                  "When the OCSP response of a certificate is no longer stapled, as Unix time; 0 "
                  "if there is none, absent if the certificate promises none.",
                  {Certificate, KeyType})),
    counter(Metric::CertificateReloads, "postern_certificate_reloads_total",
            "Attempts to load certificates and secrets whose files changed; an error leaves the "
            "old ones in force.",
            {Result}),
    sampled(gauge(Metric::CertificateReloadSuccessful, "postern_certificate_last_reload_successful",
                  "Whether the certificates and secrets in force are those of the files when these "
                  "last changed, 1 or 0; 1 before the first change.")),
    sampled(gauge(Metric::CertificateReloadTime,
                  "postern_certificate_last_reload_success_timestamp_seconds",
                  "When the certificates and secrets in force were loaded, as Unix time.")),
    counter(
        Metric::ConfigReloads, "postern_config_reloads_total",
        "Attempts to reload configuration and certificates; an error leaves the old ones in force.",
        {Result}),
    sampled(gauge(Metric::ConfigReloadSuccessful, "postern_config_last_reload_successful",
                  "Whether the last attempt to reload the configuration succeeded, 1 or 0; 1 "
                  "before the first.")),
    sampled(gauge(Metric::ConfigReloadTime, "postern_config_last_reload_timestamp_seconds",
                  "When the configuration in force was loaded, as Unix time.")),
    sampled(gauge(Metric::UserMapUsers, "postern_user_map_users",
                  "Users in the map in force, those that are held as well; absent without a map.")),
    sampled(gauge(Metric::UserMapReloadSuccessful, "postern_user_map_last_reload_successful",
                  "Whether the map of users in force is that of the file when this last changed, 1 "
                  "or 0; 1 before the first change, absent without a map.")),
    sampled(gauge(Metric::UserMapReadTime, "postern_user_map_last_read_timestamp_seconds",
                  "When the map of users in force was read, as Unix time; absent without a map.")),
    sampled(gauge(Metric::SessionsLimit, "postern_sessions_limit",
                  "The largest number of sessions that the configuration and the limit of open "
                  "files admit.")),
    sampled(
        gauge(Metric::PeerDescriptorsLimit, "postern_peer_descriptors_limit",
              "The largest number of open file descriptors at which clients and backends get "
              "further ones; the rest of process_max_fds is for the admin endpoint, look-ups and "
              "reloads.")),
    sampled(gauge(Metric::Workers, "postern_workers", "Worker threads that serve clients.")),
    histogram(Metric::LoopLag, "postern_event_loop_lag_seconds",
              "Time by which a worker came late to a timer, every 32 ms while it has clients: all "
              "of them waited so long.",
              {Worker}, Buckets::Coarse),
    sampled(gauge(Metric::Ready, "postern_ready",
                  "Whether the process wants new clients: 1 if /ready answers 200, 0 while it "
                  "drains; the state of backends does not matter.")),
    counter(Metric::AdminRequests, "postern_admin_requests_total",
            "Requests that the admin endpoint answered.", {Path, Code}),
    sampled(counter(
        Metric::LogLinesLost, "postern_log_lines_lost_total",
        "Log lines that could not be written: standard error was full, closed or not read.")),
    sampled(gauge(Metric::BuildInfo, "postern_build_info",
                  "Always 1; the labels say which build is running, and with which BoringSSL.",
                  {BuildVersion, Revision, BoringSslCommit, BoringSslDate})),
    sampled(counter(Metric::ProcessCpuSeconds, "process_cpu_seconds_total",
                    "Total user and system CPU time spent in seconds.")),
    sampled(gauge(Metric::ProcessResidentMemory, "process_resident_memory_bytes",
                  "Resident memory size in bytes.")),
    sampled(gauge(Metric::ProcessVirtualMemory, "process_virtual_memory_bytes",
                  "Virtual memory size in bytes.")),
    sampled(gauge(Metric::ProcessOpenFds, "process_open_fds", "Number of open file descriptors.")),
    sampled(gauge(Metric::ProcessMaxFds, "process_max_fds",
                  "Maximum number of open file descriptors.")),
    sampled(gauge(Metric::ProcessStartTime, "process_start_time_seconds",
                  "Start time of the process since the Unix epoch in seconds.")),
}};

}  // namespace rows

using rows::kCatalog;

constexpr std::span<const Descriptor> catalog() {  // in the order of Metric
  return kCatalog;
}

constexpr const Descriptor& descriptor(Metric metric) {
  return kCatalog[static_cast<size_t>(metric)];
}

std::span<const uint64_t> bounds_us(Buckets buckets);

// The catalogue as a Markdown table, for docs/metrics.md.
std::string catalog_markdown();

}  // namespace postern::metrics
