// Snapshot: all that a new session of one worker needs, made as a whole: configuration, a TLS
// context for each listener, the backend pools. A reload makes a new one for each worker or, if
// anything is wrong, none; sessions hold the one they began with, and the last of them frees it.
// Configuration and contexts never change; the worker's thread alone uses the pools, and replaces
// the users when their map alone is new.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/label_sets.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "proxy/lookup/user_lookup.h"
#include "proxy/pool/pool.h"
#include "proxy/pool/server_health.h"
#include "proxy/users/user_routes.h"
#include "tls/access_token.h"
#include "tls/certificate_store.h"
#include "tls/client_auth.h"
#include "tls/context.h"
#include "tls/ticket_keys.h"
#include "tls/verification.h"

namespace postern {

// What all workers share: what is read from disk once, and what is known of the servers.
struct Materials {
  std::shared_ptr<const Config> config;
  std::shared_ptr<const tls::CertificateStore> certificates;
  std::shared_ptr<const tls::TicketKeys> tickets;
  std::shared_ptr<const tls::ClientAuth> client_auth;           // null: clients are not asked
  std::shared_ptr<const tls::AccessToken> admin_token;          // null: there are no actions
  std::shared_ptr<const tls::ServerContext> admin_context;      // null: that endpoint is in clear
  std::vector<std::shared_ptr<const tls::Verifier>> verifiers;  // of each backend; null: no TLS
  // What each backend gets to see; null: no certificate.
  std::vector<std::shared_ptr<const tls::CertificateStore>> identities;
  std::shared_ptr<const UserRoutes> users;               // null: users make no difference
  std::shared_ptr<const tls::Verifier> lookup_verifier;  // null: no lookup by https
  BackendsHealth health;
  Faults warnings;            // what is doubtful in the files; for the log and `postern check`
  Faults user_warnings = {};  // likewise in the map of users

  // `former`, if there is one, lends its ticket keys, its self-signed certificate and what it knows
  // of the servers that stay, so that a reload breaks neither resumption nor trust, and tries no
  // dead server again. All faults at once, those of backends too.
  static Result<Materials> load(Config config, const Materials* former);
  // Reads the files again for the same configuration. The hop to backends is not looked at: what is
  // wrong there must not keep a renewed certificate from clients.
  Result<Materials> renewed() const;
  // Of every certificate: those for clients, then that of the admin endpoint if it is another one.
  std::vector<tls::CertificateStore::Description> describe_certificates() const;
};

// Null without user routes.
Result<std::shared_ptr<const UserRoutes>> load_users(const Config& config);
// What is doubtful in them.
Faults judge_users(const Config& config, const UserRoutes* users);

// The files that Materials::renewed reads, and the map of users.
std::vector<std::string> material_files(const Config& config);

// A TLS context for each listener, as in the configuration.
using Contexts = std::vector<std::unique_ptr<tls::ServerContext>>;
// One set for each of `workers`.
Result<std::vector<Contexts>> make_contexts(const Materials& materials, size_t workers);

// The pools of backends whose health is checked, for the main thread, which alone may call this.
Result<std::vector<std::shared_ptr<Pool>>> make_checked_pools(const Materials& materials,
                                                              metrics::LabelSets& labels);

struct Snapshot {
  std::shared_ptr<const Config> config;
  Contexts contexts;
  std::vector<std::shared_ptr<Pool>> pools;
  std::unordered_map<std::string, size_t> routes;  // "mail.example.org" or "*.example.org"
  std::shared_ptr<const UserRoutes> users;         // null: users make no difference
  std::shared_ptr<UserLookup> lookup;              // null: no service is asked
  std::string capabilities = {};                   // the common ones, as long as they are fresh
  uint64_t capabilities_until_ms = 0;

  // The pool for a client that asked for `server_name` (lower case, empty without SNI).
  Pool& route(std::string_view server_name) const;
  // The pool for its user, whose name_of() is `user`: by `users`, or else as above. Null: the user
  // is held.
  Pool* route_user(const std::string& user, std::string_view server_name) const;
  // Whether `lookup` must be asked first about this user.
  bool must_look_up(const std::string& user) const;
  // What every pool that a client can come to can do, as far as is known.
  const std::string& common_capabilities(uint64_t now_ms);

  // The same with other contexts: when nothing but certificates is new, the pools stay.
  std::shared_ptr<Snapshot> with(Contexts renewed) const;

  // From the one before, what the servers' names resolved to, so that a reload waits for no
  // resolver.
  void take_over(const Snapshot& former);

  // One for each of `workers`. Registers new backends and servers in `labels`: main thread only.
  static Result<std::vector<std::shared_ptr<Snapshot>>> make(const Materials& materials,
                                                             metrics::LabelSets& labels,
                                                             size_t workers);
};

}  // namespace postern
