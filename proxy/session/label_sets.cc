#include "proxy/session/label_sets.h"

#include <vector>

#include "metrics/admin_http.h"
#include "proxy/backend/label_values.h"
#include "proxy/session/end_reason.h"
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
  metrics::LabelSets sets;
  define_leaf_labels(sets);
  sets.define(Label::Listener, listener_names(config));
  sets.define<EndReason>();
  sets.define(Label::ProxyHeader, proxy_header_names());
  sets.define(Label::Path, metrics::AdminHttp::known_paths());
  sets.define(Label::Code, metrics::AdminHttp::known_codes());
  return sets;
}

}  // namespace postern
