// The rows of the backends and their servers.
#include <array>
#include <cstdint>

#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"
#include "proxy/log/escape.h"

namespace postern::config {
namespace {

constexpr uint64_t kMaxWeight = 256;
constexpr uint64_t kMaxSessionsOfServer = 10'000'000;

ServerDraft& server(Draft& draft) {
  return draft.backends.back().servers.back();
}

// Set by on_begin of the map.
HealthConfig& health(Draft& draft) {
  return *draft.backends.back().config.health;
}

// Likewise.
tls::CertificateFiles& client_certificate(Draft& draft) {
  return *draft.backends.back().config.client_certificate;
}

constexpr auto kBackendRows = std::to_array<Row>({
    {.path = "backends",
     .shape = Shape::NamedMaps,
     .required = true,
     .syntax = "1 to 64 names, each of 1 to 64 letters, digits, - and _",
     .example = "legacy",
     .doc = "The IMAP servers behind postern, as named groups. The names appear in metrics.",
     .max_items = kMaxBackends,
     .on_begin =
         [](Draft& d, const SourceValue& w) {
           check_backend_name(w, d.diagnostics);
           d.backends.emplace_back().name = w;
         }},
    {.path = "backends.NAME.servers",
     .shape = Shape::ScalarsOrMaps,
     .required = true,
     .syntax = "list of 1 to 64 HOST[:PORT] or maps",
     .example = R"(["mail1.internal:143", "mail2.internal:143"])",
     .doc = "Servers with the same mail. An address alone stands for a map with only that.",
     .max_items = kMaxServers,
     .on_value = [](Draft& d,
                    const SourceValue& w) { d.backends.back().servers.push_back({.address = w}); },
     .on_begin = [](Draft& d, const SourceValue&) { d.backends.back().servers.emplace_back(); }},
});

constexpr auto kServerRows = std::to_array<Row>({
    {.path = "backends.NAME.servers[].address",
     .required = true,
     .syntax = "HOST[:PORT]",
     .example = "\"mail1.internal:143\"",
     .doc =
         "Where the server listens. The default port is 143, or 993 with implicit TLS. A name may "
         "stand for several addresses: sessions are spread over them.",
     .on_value = [](Draft& d, const SourceValue& w) { server(d).address = w; }},
    {.path = "backends.NAME.servers[].weight",
     .syntax = "1 to 256",
     .doc = "Its share of the sessions, or with client_hash of the clients: a server of weight 3 "
            "gets three times as many as one of weight 1.",
     .show = [](Draft& d) { return show_number(server(d).config.weight); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxWeight, server(d).config.weight, d.diagnostics);
         }},
    {.path = "backends.NAME.servers[].max_sessions",
     .syntax = "1 to 10000000",
     .example = "5000",
     .doc = "Sessions at one time on this server, of all workers, those on their way included. "
            "When it has them all, the next server gets the session; when all have, the client "
            "gets `* BYE [LIMIT]` (end reason limit_backend). Without this key there is no limit.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxSessionsOfServer, server(d).config.max_sessions, d.diagnostics);
         }},
    {.path = "backends.NAME.servers[].backup",
     .syntax = "true or false",
     .doc = "Whether it gets sessions only when all servers without this key have failed, are full "
            "or drain, or one of them lets a session wait for a second.",
     .show = [](Draft& d) { return show_boolean(server(d).config.backup); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_boolean(w, server(d).config.backup, d.diagnostics);
         }},
    {.path = "backends.NAME.servers[].drain",
     .syntax = "true or false",
     .doc = "Whether it gets no new session, whatever happens to the others. Sessions that it has "
            "stay until they end: set it, reload, and stop the server once "
            "postern_backend_sessions_active is 0.",
     .show = [](Draft& d) { return show_boolean(server(d).config.drain); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_boolean(w, server(d).config.drain, d.diagnostics);
         }},
});

constexpr auto kHopRows = std::to_array<Row>({
    {.path = "backends.NAME.tls",
     .syntax = "none, starttls or implicit",
     .example = "starttls",
     .doc = "TLS on the hop to the backend. none sends passwords and mail in clear: keep that hop "
            "inside your own network.",
     .show = [](Draft& d) { return show_choice(d.backends.back().config.tls); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.backends.back().config.tls, d.diagnostics);
         }},
    {.path = "backends.NAME.verify",
     .shape = Shape::ScalarOrMap,
     .syntax = "none or a map",
     .doc = "How to check the backend's certificate. The default is the system's authorities and "
            "the server's host name. none checks nothing and warns.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           if (w.text != "none") {
             return d.diagnostics.fault(w, "is neither none nor a map");
           }
           d.backends.back().verify = w;
           d.backends.back().config.verify.mode = tls::Verification::Mode::None;
         },
     .on_begin = [](Draft& d, const SourceValue& w) { d.backends.back().verify = w; }},
    {.path = "backends.NAME.verify.ca",
     .syntax = kPath,
     .example = "ca.pem",
     .doc = "The authorities to trust, PEM. The default is the system's.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.backends.back().config.verify.ca_file, d.diagnostics);
           d.backends.back().config.ca_where = d.diagnostics.where(w.line);
         }},
    {.path = "backends.NAME.verify.name",
     .syntax = "host name or IP address",
     .example = "mail.internal",
     .doc = "The name that the certificate must have. The default is the server's host.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_certificate_name(w, d.backends.back().config.verify.name, d.diagnostics);
         }},
    {.path = "backends.NAME.verify.pin_sha256",
     .shape = Shape::Scalars,
     .syntax = "list of base64 SHA-256",
     .example = "[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]",
     .doc = "Public keys, one of which the certificate must have (RFC 7469 2.4). Without a ca, a "
            "pin alone is enough.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_pin(w, d.backends.back().config.verify.pins_sha256, d.diagnostics);
         }},
    {.path = "backends.NAME.client_certificate",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "What postern shows a backend that asks for a certificate in the handshake. A reload "
            "reads it again.",
     .on_begin =
         [](Draft& d, const SourceValue& w) {
           d.backends.back().client_certificate = w;
           d.backends.back().config.client_certificate.emplace().where =
               d.diagnostics.where(w.line);
         }},
    {.path = "backends.NAME.client_certificate.chain",
     .required = true,
     .syntax = kPath,
     .example = "client.crt",
     .doc = "The certificate and its intermediates, PEM, leaf first.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, client_certificate(d).chain, d.diagnostics);
         }},
    {.path = "backends.NAME.client_certificate.key",
     .required = true,
     .syntax = kPath,
     .example = "client.key",
     .doc = "Its private key, PEM.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, client_certificate(d).key, d.diagnostics);
         }},
    {.path = "backends.NAME.client_certificate.passphrase_file",
     .syntax = kPath,
     .example = "client.passphrase",
     .doc = "A file whose first line decrypts the key, if the key is encrypted.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, client_certificate(d).passphrase_file, d.diagnostics);
         }},
    {.path = "backends.NAME.min_version",
     .syntax = "1.0, 1.1, 1.2 or 1.3",
     .doc = "The oldest TLS version accepted from this backend. A version below 1.2 warns.",
     .show = [](Draft& d) { return in_quotes(name_of(d.backends.back().config.min_version)); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.backends.back().config.min_version, d.diagnostics);
           d.backends.back().min_version = w;
         }},
    {.path = "backends.NAME.balance",
     .syntax = "round_robin, least_sessions or client_hash",
     .doc = "How to choose a session's server, by their weights. least_sessions: the one with the "
            "fewest, of all workers. client_hash: the same server for the same IPv4 address or "
            "IPv6 /64; when a server leaves, only its own clients move.",
     .show = [](Draft& d) { return show_choice(d.backends.back().config.balance); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.backends.back().config.balance, d.diagnostics);
         }},
    {.path = "backends.NAME.client_identity",
     .syntax = "none, proxy_v1, proxy_v2 or imap_id",
     .doc = "How the backend learns the client's address. proxy_v1, proxy_v2: a PROXY header "
            "before everything else, which the server must expect; proxy_v2 also describes the "
            "client's TLS. imap_id: an ID command with x-originating-ip, x-originating-port and "
            "x-session-id, for which the server must trust postern.",
     .show = [](Draft& d) { return show_choice(d.backends.back().config.client_identity); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.backends.back().config.client_identity, d.diagnostics);
         }},
    {.path = "backends.NAME.source",
     .shape = Shape::Scalars,
     .syntax = "list of 1 to 64 IP addresses",
     .example = "[192.0.2.7, 192.0.2.8]",
     .doc = "Addresses of this machine to connect from, in turns; a server of another family is "
            "reached as without this key. Each has its own local ports, some 28,000 toward each "
            "address of a server (net.ipv4.ip_local_port_range). Without this key the kernel "
            "chooses one address.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_ip(w, d.backends.back().config.source, d.diagnostics);
         }},
});

constexpr auto kHealthRows = std::to_array<Row>({
    {.path = "backends.NAME.slow_start",
     .syntax = kDuration,
     .doc = "How long the share of a server that was down grows from none to the whole once it is "
            "back. 0s: it has its share at once.",
     .show = [](Draft& d) { return show_duration(d.backends.back().config.slow_start_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.backends.back().config.slow_start_ms, d.diagnostics);
         }},
    {.path = "backends.NAME.health",
     .shape = Shape::ScalarOrMap,
     .syntax = "none or a map",
     .doc = "Checks of each address of a server, by the process and not by each worker: connect, "
            "PROXY header that names no client, TLS or STARTTLS, greeting, CAPABILITY, LOGOUT. "
            "With none, or without this key, a server gets no connection but for sessions, which "
            "find out what has failed, and after a rest one of them whether it is back. {} takes "
            "the defaults.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           if (w.text != "none") {
             d.diagnostics.fault(w, "is neither none nor a map");
           }
         },
     .on_begin = [](Draft& d, const SourceValue&) { d.backends.back().config.health.emplace(); }},
    {.path = "backends.NAME.health.interval",
     .syntax = kDuration,
     .doc = "From the end of a check to the next one, up to a tenth more or less. While a state "
            "may change it is 2s at most.",
     .show = [](Draft& d) { return show_duration(health(d).interval_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, health(d).interval_ms, d.diagnostics);
         }},
    {.path = "backends.NAME.health.timeout",
     .syntax = kDuration,
     .doc = "How long a check may take, from connect to the answer to CAPABILITY.",
     .show = [](Draft& d) { return show_duration(health(d).timeout_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, health(d).timeout_ms, d.diagnostics);
         }},
    {.path = "backends.NAME.health.rise",
     .syntax = "1 to 100",
     .doc = "How many checks in a row must succeed before an address that has failed gets sessions "
            "again.",
     .show = [](Draft& d) { return show_number(health(d).rise); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, 100, health(d).rise, d.diagnostics);
         }},
    {.path = "backends.NAME.health.fall",
     .syntax = "1 to 100",
     .doc = "How many checks in a row must fail before an address is down. A session that fails "
            "takes it out at once.",
     .show = [](Draft& d) { return show_number(health(d).fall); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, 100, health(d).fall, d.diagnostics);
         }},
});

}  // namespace

std::span<const Row> backend_rows() {
  return kBackendRows;
}
std::span<const Row> server_rows() {
  return kServerRows;
}
std::span<const Row> backend_hop_rows() {
  return kHopRows;
}
std::span<const Row> health_rows() {
  return kHealthRows;
}

}  // namespace postern::config
