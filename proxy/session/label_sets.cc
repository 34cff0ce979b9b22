#include "proxy/session/label_sets.h"

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/backend/label_values.h"
#include "proxy/relay/end_reason.h"
#include "proxy/transport/proxy_protocol.h"

namespace postern {

using metrics::Label;

namespace {

using Words = std::vector<const char*>;

Words listener_names(const Config& config) {
  Words names;
  for (const ListenerConfig& listener : config.listeners) {
    names.push_back(listener.text.c_str());
  }
  return names;
}

void define_workers(const Config& config, metrics::LabelSets& sets) {
  std::vector<std::string> numbers;
  Words words;
  numbers.reserve(config.workers);  // the words point into it
  for (size_t i = 0; i < config.workers; ++i) {
    words.push_back(numbers.emplace_back(std::to_string(i)).c_str());
  }
  sets.define(Label::Worker, words);
}

size_t count_servers(const Config& config) {
  size_t count = 0;
  for (const BackendConfig& backend : config.backends) {
    count += backend.servers.size();
  }
  return count;
}

Words proxy_header_names() {
  Words names = {"v1", "v2", "local"};
  for (const ErrorRow& row : kProxyDomain.rows) {
    names.push_back(row.label);
  }
  names.push_back("other");
  return names;
}

}  // namespace

metrics::LabelSets make_label_sets(const Config& config) {
  metrics::LabelSets sets(1 + 2 * count_servers(config));  // no backend is without a server
  define_leaf_labels(sets);
  sets.define(Label::Listener, listener_names(config));
  define_workers(config, sets);
  sets.define<EndReason>();
  sets.define(Label::ProxyHeader, proxy_header_names());
  return sets;
}

Faults find_unnamed_servers(const Config& config, metrics::LabelSets& sets) {
  Faults warnings;
  for (const BackendConfig& backend : config.backends) {
    const size_t pool = sets.intern_backend(backend.name);
    const auto unnamed = std::ranges::count_if(backend.servers, [&](const ServerConfig& server) {
      return sets.intern_server(pool, server.text()) == metrics::LabelSets::kOther;
    });
    if (unnamed > 0) {
      warnings.push_back(
          {"backends." + backend.name,
           "metrics count " + std::to_string(unnamed) +
               " of its servers together, as server=\"other\", until a restart or an "
               "upgrade makes room for them"});
    }
  }
  return warnings;
}

}  // namespace postern
