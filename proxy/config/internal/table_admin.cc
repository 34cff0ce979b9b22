// The admin endpoint.
#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

constexpr auto kAdminRows = std::to_array<Row>({
    {.path = "admin",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "Metrics, health, status and actions."},
    {.path = "admin.address",
     .syntax = "IP:PORT, [IPv6]:PORT",
     .example = "\"127.0.0.1:9143\"",
     .doc = "HTTP, or HTTPS with admin.tls; what it shows needs no password: keep it inside your "
            "own network. Without this key there is no endpoint. A change needs a restart or an "
            "upgrade.",
     .on_value = [](Draft& d, const SourceValue& w) { d.admin = w; }},
    {.path = "admin.ready",
     .syntax = "process or backends",
     .doc = "What /ready speaks for. process: it fails from the moment a drain begins. backends: "
            "also while a backend that a route or default_backend leads to has no server that is "
            "up, for load balancers that have another site to go to; each such backend needs "
            "health. A reload changes it.",
     .show = [](Draft& d) { return show_choice(d.config.ready); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_choice(w, d.config.ready, d.diagnostics);
           d.ready = w;
         }},
    {.path = "admin.tls",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "TLS at the endpoint, with the versions and suites of tls.policy. With it actions may "
            "come from other machines, too. A reload changes it, and a changed file is read again "
            "within two seconds, as those of tls.certificates are.",
     .on_begin =
         [](Draft& d, const SourceValue& w) {
           d.config.admin_tls.emplace().where = d.diagnostics.where(w.line);
           d.admin_tls = w;
         }},
    {.path = "admin.tls.chain",
     .required = true,
     .syntax = kPath,
     .example = "admin.crt",
     .doc = "The certificate and its intermediates, PEM, leaf first.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.config.admin_tls->chain, d.diagnostics);
         }},
    {.path = "admin.tls.key",
     .required = true,
     .syntax = kPath,
     .example = "admin.key",
     .doc = "Its private key, PEM.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.config.admin_tls->key, d.diagnostics);
         }},
    {.path = "admin.token_file",
     .syntax = kPath,
     .example = "admin.token",
     .doc =
         "A file whose one word lets its holder act at the endpoint: drain servers, end "
         "sessions, ban clients, set the log's level, reload. 32 to 1024 octets; `openssl rand "
         "-base64 48` makes one. Without this key the endpoint takes no actions. A changed file is "
         "read again within two seconds, and a reload changes the key.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.config.admin_token, d.diagnostics);
           d.config.admin_token_where = d.diagnostics.where(w.line);
           d.admin_token = w;
         }},
});

}  // namespace

std::span<const Row> admin_rows() {
  return kAdminRows;
}

}  // namespace postern::config
