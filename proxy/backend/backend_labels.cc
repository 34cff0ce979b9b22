#include "proxy/backend/backend_labels.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/backend/dial_failure.h"
#include "proxy/imap/violation.h"
#include "proxy/net/failure.h"
#include "tls/failure.h"

namespace postern {

using metrics::Label;

namespace {

void append_new(std::vector<const char*>& names, const ErrorDomain& domain) {
  for (const ErrorRow& row : domain.rows) {
    const bool known = std::any_of(names.begin(), names.end(), [&row](const char* other) {
      return std::string_view(other) == row.label;
    });
    if (!known) {
      names.push_back(row.label);
    }
  }
}

}  // namespace

std::vector<const char*> join_words(std::vector<const char*> words,
                                    std::initializer_list<const ErrorDomain*> domains) {
  for (const ErrorDomain* domain : domains) {
    append_new(words, *domain);
  }
  std::erase_if(words, [](const char* word) { return std::string_view(word) == "other"; });
  words.push_back("other");
  return words;
}

void define_backend_labels(metrics::LabelSets& sets) {
  sets.define<tls::Version>();
  sets.define(Label::Cipher, tls::cipher_names());
  sets.define(Label::Group, tls::group_names());
  sets.define(Label::ConnectResult, join_words({"success"}, {&net::kNetDomain, &tls::kTlsDomain,
                                                             &imap::kImapDomain, &kDialDomain}));
}

}  // namespace postern
