#include "proxy/config/internal/users.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace postern::config {
namespace {

constexpr size_t kMaxUrl = 2048;
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

void check_lookup_ca(const std::optional<SourceValue>& ca,
                     const std::optional<LookupConfig>& lookup, Diagnostics& diagnostics) {
  if (ca && lookup && !lookup->tls && !lookup->url.empty()) {
    diagnostics.fault(ca->line, ca->key +
                                    ": there is no certificate to verify while users.lookup.url is "
                                    "http; write https, or remove this");
  }
}

}  // namespace

void read_lookup_url(const SourceValue& value, LookupConfig& out, Diagnostics& diagnostics) {
  std::string_view rest = value.text;
  const bool tls = rest.starts_with(kHttps);
  if (!tls && !rest.starts_with(kHttp)) {
    return diagnostics.fault(value, "begins neither with http:// nor with https://");
  }
  rest.remove_prefix(tls ? kHttps.size() : kHttp.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {  // which may show a password
    return diagnostics.fault(value.line, value.key +
                                             ": has an @ before its path; a user and a "
                                             "password have no place in it");
  }
  const bool visible =
      std::ranges::all_of(value.text, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!visible || value.text.size() > kMaxUrl || rest.find('#') != std::string_view::npos) {
    return diagnostics.fault(value,
                             "is not a url of up to 2048 visible ASCII characters without "
                             "#; write others as %XX");
  }
  const auto host = net::HostPort::parse(authority, tls ? kHttpsPort : kHttpPort);
  if (!host) {
    for (const Fault& fault : host.faults()) {
      diagnostics.fault(value.line, value.key + ": " + fault.message);
    }
    return;
  }
  if (host.value().port == 0) {
    return diagnostics.fault(value, "has port 0, to which nothing can be sent");
  }
  rest.remove_prefix(authority.size());
  out.url = value.text;
  out.tls = tls;
  out.host = host.value();
  out.authority = authority;
  out.target = rest.starts_with('/') ? "" : "/";
  out.target += rest;
}

void check_users(Draft& draft) {
  check_lookup_ca(draft.lookup_ca, draft.config.users.lookup, draft.diagnostics);
  if (draft.users && !routes_by_user(draft.config)) {
    draft.diagnostics.warning(
        {draft.config.users.default_domain, "users.default_domain", draft.users->line},
        "has no effect: there is neither a map, nor a lookup, nor a route with user");
  }
  for (size_t i = 0; routes_by_user(draft.config) && i < draft.config.backends.size(); ++i) {
    if (is_routed(draft.config, i) && !draft.config.backends[i].health) {
      const SourceValue& name = draft.backends[i].name;
      draft.diagnostics.warning({name.text, name.key + ".health", name.line},
                                "has no health: until a session has met a server of it, the "
                                "greeting shows IMAP4rev1 alone, to all users");
    }
  }
}

}  // namespace postern::config
