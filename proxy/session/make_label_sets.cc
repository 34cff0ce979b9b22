#include "proxy/session/make_label_sets.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "proxy/lookup/lookup_failure.h"
#include "proxy/net/failure.h"
#include "proxy/relay/end_reason.h"
#include "proxy/session/internal/session_labels.h"
#include "proxy/transport/proxy_protocol.h"
#include "tls/failure.h"

namespace postern {

using metrics::Label;

namespace {

// What tls::refusal() can find.
constexpr std::array kShadowReasons = {tls::Failure::UnsupportedVersion,
                                       tls::Failure::NoSharedCipher, tls::Failure::NoSharedGroup,
                                       tls::Failure::NoSharedSignature};
constexpr std::array kResumed = {"no", "yes"};

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

Words shadow_names() {
  Words names;
  for (const tls::Failure reason : kShadowReasons) {
    names.push_back(name_of(reason));
  }
  return names;
}

template <typename E>
Words words_of() {
  Words words;
  for (size_t i = 0; i < kCountOf<E>; ++i) {
    words.push_back(name_of(static_cast<E>(i)));
  }
  return words;
}

void define_session_labels(metrics::LabelSets& sets) {
  sets.define(Label::Resumed, kResumed);
  sets.define(Label::TlsFailure, join_words(words_of<HandshakeLoss>(), {&tls::kTlsDomain}));
  sets.define(Label::ShadowReason, shadow_names());
  sets.define(Label::ProxyHeader, join_words(words_of<ProxyHeaderKind>(), {&kProxyDomain}));
  sets.define(Label::AcceptFailure, join_words({}, {&net::kNetDomain}));
  sets.define(Label::LookupResult, join_words({"found", "unknown", "cached"}, {&kLookupDomain}));
  sets.define(Label::Violation, join_words({}, {&imap::kImapDomain}));
  sets.define<imap::Mechanism>();
  sets.define<imap::LoginResult>();
  sets.define<imap::CommandRefusal>();
  sets.define<imap::Command>();
  sets.define<imap::CommandResult>();
  sets.define<EndReason>();
}

}  // namespace

metrics::LabelSets make_label_sets(const Config& config) {
  metrics::LabelSets sets(1 + 2 * count_servers(config));  // no backend is without a server
  define_backend_labels(sets);
  define_session_labels(sets);
  sets.define(Label::Listener, listener_names(config));
  define_workers(config, sets);
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
