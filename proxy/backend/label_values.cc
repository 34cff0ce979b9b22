#include "proxy/backend/label_values.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/backend/dial_failure.h"
#include "proxy/imap/conversation.h"
#include "proxy/net/failure.h"
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

void append_new(Words& names, const ErrorDomain& domain) {
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
Words join(Words names, std::initializer_list<const ErrorDomain*> domains) {
  for (const ErrorDomain* domain : domains) {
    append_new(names, *domain);
  }
  std::erase_if(names, [](const char* name) { return std::string_view(name) == "other"; });
  names.push_back("other");
  return names;
}

Words shadow_names() {
  Words names;
  for (const tls::Failure reason : kShadowReasons) {
    names.push_back(name_of(reason));
  }
  return names;
}

}  // namespace

void define_leaf_labels(metrics::LabelSets& sets) {
  sets.define<tls::Version>();
  sets.define(Label::Cipher, tls::cipher_names());
  sets.define(Label::Group, tls::group_names());
  sets.define(Label::Resumed, kResumed);
  sets.define(Label::TlsFailure, join({"timeout", "connection_lost"}, {&tls::kTlsDomain}));
  sets.define(Label::ShadowReason, shadow_names());
  sets.define<imap::Mechanism>();
  sets.define<imap::LoginResult>();
  sets.define(Label::ConnectResult, join({"success"}, {&net::kNetDomain, &tls::kTlsDomain,
                                                       &imap::kImapDomain, &kDialDomain}));
  sets.define(Label::AcceptFailure, join({}, {&net::kNetDomain}));
  sets.define(Label::Violation, join({}, {&imap::kImapDomain}));
  sets.define<imap::Refusal>();
  sets.define<imap::Command>();
  sets.define<imap::CommandResult>();
}

}  // namespace postern
