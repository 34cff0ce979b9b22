#include "proxy/labels.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "metrics/admin_http.h"
#include "proxy/end_reason.h"
#include "proxy/imap/conversation.h"
#include "proxy/net/failure.h"
#include "proxy/proxy_protocol.h"
#include "tls/engine.h"
#include "tls/failure.h"

namespace postern {

using metrics::Label;

namespace {

constexpr std::array kVersions = {"1.0", "1.1", "1.2", "1.3"};  // as tls::Version
// What tls::refusal() can find.
constexpr std::array kShadowReasons = {tls::Failure::UnsupportedVersion,
                                       tls::Failure::NoSharedCipher, tls::Failure::NoSharedGroup,
                                       tls::Failure::NoSharedSignature};
constexpr std::array kResumed = {"no", "yes"};

using Names = std::vector<const char*>;

void append_new(Names& names, std::span<const char* const> more) {
  for (const char* name : more) {
    const bool known = std::any_of(names.begin(), names.end(), [name](const char* other) {
      return std::string_view(other) == name;
    });
    if (!known) {
      names.push_back(name);
    }
  }
}

// Names from several tables, each once, "other" last.
Names join(Names names, std::initializer_list<std::span<const char* const>> tables) {
  for (const auto& table : tables) {
    append_new(names, table);
  }
  std::erase_if(names, [](const char* name) { return std::string_view(name) == "other"; });
  names.push_back("other");
  return names;
}

template <typename Enum>
Names names_of(int count, const char* (*name)(Enum)) {
  Names names;
  for (int i = 0; i < count; i++) {
    names.push_back(name(static_cast<Enum>(i)));
  }
  return names;
}

Names listener_names(const Config& config) {
  Names names;
  for (const ListenerConfig& listener : config.listeners) {
    names.push_back(listener.text.c_str());
  }
  return names;
}

Names shadow_names() {
  Names names;
  for (const tls::Failure reason : kShadowReasons) {
    names.push_back(tls::failure_label(reason));
  }
  return names;
}

}  // namespace

metrics::LabelSets make_label_sets(const Config& config) {
  metrics::LabelSets sets;
  sets.define(Label::Listener, listener_names(config));
  sets.define(Label::EndReason, kEndReasonNames);
  sets.define(Label::Version, kVersions);
  sets.define(Label::Cipher, tls::cipher_names());
  sets.define(Label::Group, tls::group_names());
  sets.define(Label::Resumed, kResumed);
  sets.define(Label::ProxyHeader, join({"v1", "v2", "local"}, {kProxyDomain.labels}));
  sets.define(Label::TlsFailure, join({"timeout", "connection_lost"}, {tls::kTlsDomain.labels}));
  sets.define(Label::ShadowReason, shadow_names());
  sets.define(Label::Mechanism,
              names_of<imap::Mechanism>(imap::kMechanismCount, imap::mechanism_label));
  sets.define(Label::LoginResult,
              names_of<imap::LoginResult>(imap::kLoginResultCount, imap::login_result_label));
  sets.define(Label::ConnectResult,
              join({"success"},
                   {net::kNetDomain.labels, tls::kTlsDomain.labels, imap::kImapDomain.labels}));
  sets.define(Label::AcceptFailure, join({}, {net::kNetDomain.labels}));
  sets.define(Label::Violation, join({}, {imap::kImapDomain.labels}));
  sets.define(Label::Refusal, names_of<imap::Refusal>(imap::kRefusalCount, imap::refusal_label));
  sets.define(Label::Path, metrics::AdminHttp::known_paths());
  sets.define(Label::Code, metrics::AdminHttp::known_codes());
  return sets;
}

}  // namespace postern
