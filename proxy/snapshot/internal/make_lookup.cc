#include "proxy/snapshot/internal/make_lookup.h"

#include <utility>

namespace postern {

Result<std::shared_ptr<const tls::Verifier>> load_lookup_verifier(const Config& config) {
  const std::optional<LookupConfig>& lookup = config.users.lookup;
  if (!lookup || !lookup->tls) {
    return std::shared_ptr<const tls::Verifier>();
  }
  tls::Verification rule;
  rule.ca_file = lookup->ca;
  auto loaded = tls::load_verifier(rule);
  if (loaded || lookup->ca_where.empty()) {
    return loaded;
  }
  Faults faults;
  for (const Fault& fault : loaded.faults()) {
    faults.push_back({lookup->ca_where, "users.lookup.ca " + fault.text()});
  }
  return faults;
}

std::shared_ptr<UserLookup> make_lookup(const std::shared_ptr<const Config>& config,
                                        const std::shared_ptr<const tls::Verifier>& verifier,
                                        Faults& faults) {
  if (!config->users.lookup) {
    return nullptr;
  }
  std::unique_ptr<tls::ClientContext> context;
  if (verifier != nullptr) {
    auto made = tls::ClientContext::make(
        {.policy = tls::Policy::toward_backend(tls::Version::Tls12), .verifier = verifier});
    if (!made) {
      append(faults, made.faults());
      return nullptr;
    }
    context = std::move(made.value());
  }
  return std::make_shared<UserLookup>(config, std::move(context));
}

}  // namespace postern
