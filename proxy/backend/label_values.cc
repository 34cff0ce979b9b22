#include "proxy/backend/label_values.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/imap/conversation.h"
#include "proxy/net/failure.h"
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

void append_new(Names& names, const ErrorDomain& domain) {
  for (const ErrorRow& row : domain.rows) {
    const bool known = std::any_of(names.begin(), names.end(), [&row](const char* other) {
      return std::string_view(other) == row.label;
    });
    if (!known) {
      names.push_back(row.label);
    }
  }
}

// Joins `names` and the labels of `domains`, each once, "other" last.
Names join(Names names, std::initializer_list<const ErrorDomain*> domains) {
  for (const ErrorDomain* domain : domains) {
    append_new(names, *domain);
  }
  std::erase_if(names, [](const char* name) { return std::string_view(name) == "other"; });
  names.push_back("other");
  return names;
}

template <typename Enum>
Names names_of(int count, const char* (*name)(Enum)) {
  Names names;
  for (int i = 0; i < count; ++i) {
    names.push_back(name(static_cast<Enum>(i)));
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

void define_leaf_labels(metrics::LabelSets& sets) {
  sets.define(Label::Version, kVersions);
  sets.define(Label::Cipher, tls::cipher_names());
  sets.define(Label::Group, tls::group_names());
  sets.define(Label::Resumed, kResumed);
  sets.define(Label::TlsFailure, join({"timeout", "connection_lost"}, {&tls::kTlsDomain}));
  sets.define(Label::ShadowReason, shadow_names());
  sets.define(Label::Mechanism,
              names_of<imap::Mechanism>(imap::kMechanismCount, imap::mechanism_label));
  sets.define(Label::LoginResult,
              names_of<imap::LoginResult>(imap::kLoginResultCount, imap::login_result_label));
  sets.define(Label::ConnectResult,
              join({"success"}, {&net::kNetDomain, &tls::kTlsDomain, &imap::kImapDomain}));
  sets.define(Label::AcceptFailure, join({}, {&net::kNetDomain}));
  sets.define(Label::Violation, join({}, {&imap::kImapDomain}));
  sets.define(Label::Refusal, names_of<imap::Refusal>(imap::kRefusalCount, imap::refusal_label));
}

}  // namespace postern
