// The rows of what leads a client to a backend.
#include <array>

#include "proxy/config/internal/table_parts.h"
#include "proxy/config/internal/users.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

// Set by on_begin of the map.
LookupConfig& lookup(Draft& draft) {
  return *draft.config.users.lookup;
}

constexpr auto kRouteRows = std::to_array<Row>({
    {.path = "routes",
     .shape = Shape::Maps,
     .syntax = "list of up to 1024",
     .doc = "Which backend serves the name that the client asks for (SNI), or the user who logs "
            "in. Each route has either sni or user. An exact name wins over one with a star, and a "
            "user's route over that of a name.",
     .min_items = 0,
     .max_items = kMaxRoutes,
     .on_begin = [](Draft& d, const SourceValue& w) { d.routes.push_back({.line = w.line}); }},
    {.path = "routes[].sni",
     .syntax = "NAME or *.NAME",
     .example = "\"*.example.org\"",
     .doc = "The name. A star matches one part.",
     .on_value = [](Draft& d, const SourceValue& w) { d.routes.back().sni = w; }},
    {.path = "routes[].user",
     .syntax = "USER or *@DOMAIN",
     .example = "\"*@old.example\"",
     .doc = "In place of sni: the user, or all users of a domain. With one such route, or with "
            "users.map or users.lookup, postern reads who logs in before it chooses a backend, and "
            "greets by "
            "itself: see docs/users.md.",
     .alternative = true,
     .on_value = [](Draft& d, const SourceValue& w) { d.routes.back().user = w; }},
    {.path = "routes[].backend",
     .required = true,
     .syntax = "name of a backend",
     .example = "legacy",
     .doc = "The backend that serves it.",
     .on_value = [](Draft& d, const SourceValue& w) { d.routes.back().backend = w; }},
    {.path = "default_backend",
     .syntax = "name of a backend",
     .example = "legacy",
     .doc = "The backend for all names and users without a route. Optional if there is only one "
            "backend.",
     .on_value = [](Draft& d, const SourceValue& w) { d.default_backend = w; }},
    {.path = "users",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "What leads users to backends, beside routes with user: see docs/users.md.",
     .on_begin = [](Draft& d, const SourceValue& w) { d.users = w; }},
    {.path = "users.map",
     .syntax = kPath,
     .example = "users.map",
     .doc =
         "A file of lines `user backend`, up to 10000000; # begins a comment, and unavailable in "
         "place of a backend holds the user. It is read at the start, at a reload and when it "
         "changes; with a wrong line in it the old map stays. A user's line wins over all "
         "routes.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, d.config.users.map, d.diagnostics);
           d.config.users.map_where = d.diagnostics.where(w.line);
         }},
    {.path = "users.default_domain",
     .syntax = "domain name",
     .example = "example.org",
     .doc = "The domain of users whose name has no @, in map, routes and logins. The backend gets "
            "the name as the client has written it.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_dns_name(w, false, d.config.users.default_domain, d.diagnostics);
         }},
});

constexpr auto kLookupRows = std::to_array<Row>({
    {.path = "users.lookup",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "An HTTP service that says which backend a user has, asked at each login of a user who "
            "has neither a line in users.map nor a route of the whole name. It gets the name, and "
            "never a password: docs/users.md has the question and the answers.",
     .on_begin = [](Draft& d, const SourceValue&) { d.config.users.lookup.emplace(); }},
    {.path = "users.lookup.url",
     .required = true,
     .syntax = "http://HOST[:PORT]/PATH or https://...",
     .example = "https://lookup.internal/backend",
     .doc = "Where it is asked. By https its certificate must be valid for the host.",
     .on_value = [](Draft& d,
                    const SourceValue& w) { read_lookup_url(w, lookup(d), d.diagnostics); }},
    {.path = "users.lookup.ca",
     .syntax = kPath,
     .example = "internal-ca.pem",
     .doc = "The authorities, as PEM, that an https service must have its certificate from. "
            "Without this key: those of the system.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_path(w, d.folder, lookup(d).ca, d.diagnostics);
           lookup(d).ca_where = d.diagnostics.where(w.line);
           d.lookup_ca = w;
         }},
    {.path = "users.lookup.timeout",
     .syntax = kDuration,
     .doc = "From the login to the whole answer; then the client gets `* BYE [UNAVAILABLE]`.",
     .show = [](Draft& d) { return show_duration(lookup(d).timeout_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, lookup(d).timeout_ms, d.diagnostics);
         }},
    {.path = "users.lookup.cache",
     .syntax = kDuration,
     .doc = "How long an answer serves for further logins of the user, also that the user is not "
            "known; each worker keeps 50000. A reload forgets them all. 0s: each login asks.",
     .show = [](Draft& d) { return show_duration(lookup(d).cache_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, lookup(d).cache_ms, d.diagnostics);
         }},
});

}  // namespace

std::span<const Row> route_rows() {
  return kRouteRows;
}

std::span<const Row> lookup_rows() {
  return kLookupRows;
}

}  // namespace postern::config
