#include "proxy/snapshot/snapshot.h"

#include <algorithm>
#include <set>
#include <utility>

#include "proxy/imap/login_front.h"
#include "proxy/snapshot/internal/admin_context.h"
#include "proxy/snapshot/internal/expired.h"
#include "proxy/snapshot/internal/make_lookup.h"
#include "tls/exposure.h"

namespace postern {
namespace {

// Moves a result's value into `into`, or its faults to the others.
template <typename T>
void take(Result<T> result, T& into, Faults& faults) {
  if (result) {
    into = std::move(result.value());
  } else {
    append(faults, result.faults());
  }
}

Result<std::shared_ptr<const tls::CertificateStore>> load_certificates(const TlsConfig& config,
                                                                       const Materials* former) {
  if (!config.self_signed) {
    return tls::CertificateStore::load(config.certificates,
                                       former == nullptr ? nullptr : former->certificates.get());
  }
  if (former != nullptr && former->config->tls.self_signed) {
    return former->certificates;
  }
  return tls::CertificateStore::self_signed({"localhost"});
}

// What is wrong with a file, as a fault of the line that names it.
template <typename T>
Result<T> named_at(const std::string& where, const char* key, Result<T> result) {
  if (result || where.empty()) {
    return result;
  }
  Faults faults;
  for (const Fault& fault : result.faults()) {
    faults.push_back({where, key + (" " + fault.text())});
  }
  return faults;
}

Result<std::shared_ptr<const tls::TicketKeys>> load_tickets(const TlsConfig& config,
                                                            const Materials* former) {
  if (!config.ticket_secret.empty()) {
    return named_at(config.ticket_secret_where, "ticket_secret",
                    tls::TicketKeys::load(config.ticket_secret));
  }
  if (former != nullptr && former->config->tls.ticket_secret.empty()) {
    return former->tickets;
  }
  return tls::TicketKeys::random();
}

Result<std::shared_ptr<const tls::ClientAuth>> load_client_auth(const TlsConfig& config) {
  if (!config.client_auth.has_value()) {
    return std::shared_ptr<const tls::ClientAuth>();
  }
  return tls::ClientAuth::load(*config.client_auth);
}

Result<std::shared_ptr<const tls::AccessToken>> load_admin_token(const Config& config) {
  if (config.admin_token.empty()) {
    return std::shared_ptr<const tls::AccessToken>();
  }
  return named_at(config.admin_token_where, "token_file",
                  tls::AccessToken::load(config.admin_token));
}

Result<std::shared_ptr<const tls::Verifier>> load_verifier(const BackendConfig& backend) {
  if (backend.tls == BackendTls::None) {
    return std::shared_ptr<const tls::Verifier>();
  }
  return named_at(backend.ca_where, "verify.ca", tls::load_verifier(backend.verify));
}

// Null for a backend that gets to see none.
Result<std::shared_ptr<const tls::CertificateStore>> load_identity(const BackendConfig& backend) {
  if (!backend.client_certificate) {
    return std::shared_ptr<const tls::CertificateStore>();
  }
  return tls::CertificateStore::load({*backend.client_certificate});
}

Contexts contexts_of_worker(const Materials& materials, Faults& faults) {
  const TlsConfig& config = materials.config->tls;
  Contexts contexts;
  for (const ListenerConfig& listener : materials.config->listeners) {
    std::unique_ptr<tls::ServerContext> context;
    take(tls::ServerContext::make({.policy = listener.policy.value_or(config.policy),
                                   .certificates = materials.certificates,
                                   .tickets = materials.tickets,
                                   .binding = listener.text,
                                   .client_auth = materials.client_auth,
                                   .shadow = config.shadow_policy,
                                   .strict_alpn = listener.alpn == ListenerAlpn::Strict}),
         context, faults);
    contexts.push_back(std::move(context));
  }
  return contexts;
}

std::shared_ptr<Pool> make_pool(const Materials& materials, size_t index,
                                metrics::LabelSets& labels, Faults& faults) {
  const BackendConfig& backend = materials.config->backends[index];
  std::unique_ptr<tls::ClientContext> context;
  if (backend.tls != BackendTls::None) {
    take(tls::ClientContext::make({.policy = tls::Policy::toward_backend(backend.min_version),
                                   .verifier = materials.verifiers[index],
                                   .identity = materials.identities[index]}),
         context, faults);
  }
  const size_t label = labels.intern_backend(backend.name);
  std::vector<size_t> server_labels;
  for (const ServerConfig& server : backend.servers) {
    server_labels.push_back(labels.intern_server(label, server.text()));
  }
  return std::make_shared<Pool>(backend, std::move(context), label, server_labels,
                                materials.health[index]);
}

// Keys, passphrases, the ticket secret and the token, if their files lie open: each once.
void warn_of_open_secrets(const Config& config, Faults& warnings) {
  std::set<std::string> seen;
  const auto look = [&](const std::string& where, const char* key, const std::string& path) {
    if (path.empty() || !seen.insert(path).second) {
      return;
    }
    if (const std::string exposure = tls::describe_exposure(path); !exposure.empty()) {
      warnings.push_back({where, key + (" " + path) + exposure});
    }
  };
  const auto look_at_key = [&](const tls::CertificateFiles& one) {
    look(one.where, "key", one.key);
    look(one.where, "passphrase_file", one.passphrase_file);
  };
  std::ranges::for_each(config.tls.certificates, look_at_key);
  for (const BackendConfig& backend : config.backends) {
    if (backend.client_certificate) {
      look_at_key(*backend.client_certificate);
    }
  }
  look(config.tls.ticket_secret_where, "ticket_secret", config.tls.ticket_secret);
  look(config.admin_token_where, "token_file", config.admin_token);
  if (config.admin_tls) {
    look(config.admin_tls->where, "key", config.admin_tls->key);
  }
}

void refuse_expired(const Materials& renewed, const Materials& former, Faults& faults) {
  const auto look = [&faults](const tls::CertificateStore& now, const tls::CertificateStore& then) {
    append(faults, find_expired(now, then, tls::wall_clock_s()));
  };
  if (renewed.certificates != nullptr) {
    look(*renewed.certificates, *former.certificates);
  }
  if (renewed.admin_context != nullptr && former.admin_context != nullptr) {
    look(*renewed.admin_context->settings().certificates,
         *former.admin_context->settings().certificates);
  }
}

// What clients meet, and those who act: all but the configuration itself and what is of the
// backends.
Materials read_files(const Config& config, const Materials* former, Faults& faults) {
  Materials materials;
  take(load_certificates(config.tls, former), materials.certificates, faults);
  take(load_tickets(config.tls, former), materials.tickets, faults);
  take(load_client_auth(config.tls), materials.client_auth, faults);
  take(load_admin_token(config), materials.admin_token, faults);
  take(make_admin_context(config, materials.tickets), materials.admin_context, faults);
  if (materials.certificates != nullptr) {
    materials.warnings = materials.certificates->warnings();
  }
  if (materials.admin_context != nullptr) {
    append(materials.warnings, materials.admin_context->settings().certificates->warnings());
  }
  warn_of_open_secrets(config, materials.warnings);
  if (former != nullptr) {
    refuse_expired(materials, *former, faults);
  }
  return materials;
}

}  // namespace

Result<Materials> Materials::load(Config config, const Materials* former) {
  Faults faults;
  Materials materials = read_files(config, former, faults);
  for (const BackendConfig& backend : config.backends) {
    take(load_verifier(backend), materials.verifiers.emplace_back(), faults);
    take(load_identity(backend), materials.identities.emplace_back(), faults);
  }
  take(load_users(config), materials.users, faults);
  take(load_lookup_verifier(config), materials.lookup_verifier, faults);
  if (!faults.empty()) {
    return faults;
  }
  materials.user_warnings = judge_users(config, materials.users.get());
  materials.config = std::make_shared<const Config>(std::move(config));
  materials.health =
      make_health(*materials.config, former == nullptr ? nullptr : former->config.get(),
                  former == nullptr ? nullptr : &former->health);
  return materials;
}

Result<Materials> Materials::renewed() const {
  Faults faults;
  Materials materials = read_files(*config, this, faults);
  if (!faults.empty()) {
    return faults;
  }
  materials.config = config;
  materials.verifiers = verifiers;
  materials.identities = identities;
  materials.users = users;
  materials.lookup_verifier = lookup_verifier;
  materials.user_warnings = user_warnings;
  materials.health = health;
  return materials;
}

std::vector<tls::CertificateStore::Description> Materials::describe_certificates() const {
  auto all = certificates->describe();
  if (admin_context != nullptr) {
    auto own = std::move(admin_context->settings().certificates->describe().front());
    if (std::ranges::find(all, own.label, &tls::CertificateStore::Description::label) ==
        all.end()) {
      all.push_back(std::move(own));
    }
  }
  return all;
}

std::vector<std::string> material_files(const Config& config) {
  std::vector<std::string> files{config.tls.ticket_secret, config.admin_token, config.users.map};
  for (const tls::CertificateFiles& one : config.tls.certificates) {
    files.insert(files.end(), {one.chain, one.key, one.passphrase_file, one.ocsp});
  }
  if (const auto& admin = config.admin_tls) {
    files.insert(files.end(), {admin->chain, admin->key});
  }
  if (const auto& clients = config.tls.client_auth) {
    files.insert(files.end(), {clients->ca_file, clients->crl_file});
  }
  std::erase(files, "");
  return files;
}

Result<std::vector<Contexts>> make_contexts(const Materials& materials, size_t workers) {
  std::vector<Contexts> sets;
  Faults faults;
  while (sets.size() < workers && faults.empty()) {
    sets.push_back(contexts_of_worker(materials, faults));
  }
  if (!faults.empty()) {
    return faults;
  }
  return sets;
}

Result<std::vector<std::shared_ptr<Pool>>> make_checked_pools(const Materials& materials,
                                                              metrics::LabelSets& labels) {
  std::vector<std::shared_ptr<Pool>> pools;
  Faults faults;
  for (size_t i = 0; i < materials.config->backends.size(); ++i) {
    if (materials.config->backends[i].health.has_value()) {
      pools.push_back(make_pool(materials, i, labels, faults));
    }
  }
  if (!faults.empty()) {
    return faults;
  }
  return pools;
}

void Snapshot::take_over(const Snapshot& former) {
  for (const auto& pool : pools) {
    for (const auto& older : former.pools) {
      pool->take_over(*older);
    }
  }
}

std::shared_ptr<Snapshot> Snapshot::with(Contexts renewed) const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = config;
  snapshot->contexts = std::move(renewed);
  snapshot->pools = pools;
  snapshot->routes = routes;
  snapshot->users = users;
  snapshot->lookup = lookup;
  return snapshot;
}

Result<std::vector<std::shared_ptr<Snapshot>>> Snapshot::make(const Materials& materials,
                                                              metrics::LabelSets& labels,
                                                              size_t workers) {
  std::vector<std::shared_ptr<Snapshot>> snapshots;
  for (size_t i = 0; i < workers; ++i) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->config = materials.config;
    Faults faults;
    snapshot->contexts = contexts_of_worker(materials, faults);
    for (size_t k = 0; k < materials.config->backends.size(); ++k) {
      snapshot->pools.push_back(make_pool(materials, k, labels, faults));
    }
    for (const RouteConfig& route : materials.config->routes) {
      if (!route.sni.empty()) {
        snapshot->routes.emplace(route.sni, route.backend);
      }
    }
    snapshot->users = materials.users;
    snapshot->lookup = make_lookup(materials.config, materials.lookup_verifier, faults);
    if (!faults.empty()) {
      return faults;
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

Pool& Snapshot::route(std::string_view server_name) const {
  if (!routes.empty() && !server_name.empty()) {
    if (const auto exact = routes.find(std::string(server_name)); exact != routes.end()) {
      return *pools[exact->second];
    }
    const size_t dot = server_name.find('.');
    if (dot != std::string_view::npos) {
      const auto wildcard = routes.find("*" + std::string(server_name.substr(dot)));
      if (wildcard != routes.end()) {
        return *pools[wildcard->second];
      }
    }
  }
  return *pools[config->default_backend];
}

Pool* Snapshot::route_user(const std::string& user, std::string_view server_name) const {
  const auto backend = users != nullptr ? users->find(user) : std::nullopt;
  if (!backend) {
    return &route(server_name);
  }
  return *backend < pools.size() ? pools[*backend].get() : nullptr;
}

bool Snapshot::must_look_up(const std::string& user) const {
  return lookup != nullptr && !user.empty() && !users->find_user(user);
}

// A second old they still are what a client is about to meet.
const std::string& Snapshot::common_capabilities(uint64_t now_ms) {
  constexpr uint64_t kFreshMs = 1'000;
  if (now_ms < capabilities_until_ms) {
    return capabilities;
  }
  std::vector<std::string> lists;
  for (size_t i = 0; i < pools.size(); ++i) {
    if (is_routed(*config, i)) {
      pools[i]->append_capabilities(lists);
    }
  }
  capabilities = imap::common_capabilities(lists);
  capabilities_until_ms = now_ms + kFreshMs;
  return capabilities;
}

}  // namespace postern
