#include "proxy/imap/internal/login_name.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/imap/internal/base64_octets.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {

namespace {

// A name as it is written, within bounds.
class NameText {
 public:
  void add(int octet) {
    text_.push_back(static_cast<char>(octet));
    too_long_ = too_long_ || text_.size() > kMaxUser;
    text_.resize(too_long_ ? 0 : text_.size());
  }
  bool empty() const { return text_.empty(); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  bool too_long_ = false;
};

class NameHash {
 public:
  explicit NameHash(const SipHash::Key& key) : hash_(key) {}

  void add(int octet) {
    const bool upper = octet >= 'A' && octet <= 'Z';
    hash_.add(static_cast<uint8_t>(upper ? octet - 'A' + 'a' : octet));
    empty_ = false;
  }
  uint64_t value() const { return hash_.value() | 1; }
  bool empty() const { return empty_; }

 private:
  SipHash hash_;
  bool empty_ = true;
};

bool skip_past(Base64Octets& in, int mark) {
  int octet = in.next();
  while (octet >= 0 && octet != mark) {
    octet = in.next();
  }
  return octet == mark;
}

bool skip_word(Base64Octets& in, std::string_view word) {
  return std::all_of(word.begin(), word.end(),
                     [&in](char c) { return in.next() == static_cast<uint8_t>(c); });
}

template <typename Name>
bool read_until(Base64Octets& in, int mark, Name& name) {
  int octet = in.next();
  while (octet >= 0 && octet != mark) {
    name.add(octet);
    octet = in.next();
  }
  return octet == mark;
}

// saslname (RFC 5801 §4): "=2C" is a comma and "=3D" an equals sign.
template <typename Name>
bool read_saslname(Base64Octets& in, Name& name) {
  for (int octet = in.next(); octet != ','; octet = in.next()) {
    if (octet < 0) {
      return false;
    }
    if (octet == '=') {
      const int high = in.next();
      const int low = in.next();
      const bool comma = high == '2' && (low == 'C' || low == 'c');
      if (!comma && (high != '3' || (low != 'D' && low != 'd'))) {
        return false;
      }
      octet = comma ? 0x2c : 0x3d;  // "," and "="
    }
    name.add(octet);
  }
  return true;
}

// gs2-header (RFC 5801 §4): channel binding, and the authorization identity if there is one.
// Nothing else: Dovecot takes an `a=` from anywhere before the first field.
template <typename Name>
bool read_gs2_header(Base64Octets& in, Name& authorized) {
  const int flag = in.next();
  const bool binds = flag == 'p' && skip_past(in, ',');
  if (!binds && ((flag != 'n' && flag != 'y') || in.next() != ',')) {
    return false;
  }
  const int first = in.next();
  return first == ',' || (first == 'a' && in.next() == '=' && read_saslname(in, authorized));
}

// Whether one of the fields that follow begins so; each ends with ^A.
bool has_field(Base64Octets& in, std::string_view word) {
  constexpr size_t kAnother = std::string_view::npos;
  size_t matched = 0;  // octets of `word` at the begin of this field
  for (int octet = in.next(); octet >= 0; octet = in.next()) {
    if (octet == '\x01') {
      matched = 0;
    } else if (matched != kAnother) {
      matched = (octet | 0x20) == (word[matched] | 0x20) ? matched + 1 : kAnother;
    }
    if (matched == word.size()) {
      return true;
    }
  }
  return false;
}

// The first field, if no other one has a name: Dovecot takes the last.
template <typename Name>
bool read_xoauth2_user(Base64Octets& in, Name& name) {
  constexpr std::string_view kUser = "user=";
  return skip_word(in, kUser) && read_until(in, '\x01', name) && !has_field(in, kUser);
}

// The fields begin right after the header.
template <typename Name>
bool read_oauthbearer_user(Base64Octets& in, Name& name) {
  return read_gs2_header(in, name) && in.next() == '\x01' && !name.empty();
}

// The digest is one word; the name may have several.
bool read_until_last_space(Base64Octets& in, NameHash& name) {
  NameHash all = name;
  int octet = in.next();
  for (; octet >= 0; octet = in.next()) {
    if (octet == ' ') {
      name = all;
    }
    all.add(octet);
  }
  return octet == Base64Octets::kEnd;
}

// Reads the value of one directive of DIGEST-MD5, up to the next comma or the end.
bool read_directive(Base64Octets& in, NameHash& value) {
  int octet = in.next();
  if (octet == '"') {
    for (octet = in.next(); octet >= 0 && octet != '"'; octet = in.next()) {
      octet = octet == '\\' ? in.next() : octet;
      value.add(octet);
    }
    octet = octet == '"' ? in.next() : Base64Octets::kBad;
  } else {
    for (; octet >= 0 && octet != ','; octet = in.next()) {
      value.add(octet);
    }
  }
  return octet == ',' || octet == Base64Octets::kEnd;
}

bool read_username(Base64Octets& in, NameHash& name) {
  constexpr std::string_view kWanted = "username";
  const NameHash nothing = name;
  for (;;) {
    std::string key;
    int octet = in.next();
    for (; octet >= 0 && octet != '='; octet = in.next()) {
      const bool blank = octet == ' ' || octet == '\t' || octet == ',';
      if (!blank && key.size() <= kWanted.size()) {
        key.push_back(static_cast<char>(octet));
      }
    }
    name = nothing;
    if (octet != '=' || !read_directive(in, name)) {
      return false;
    }
    if (same_word(key, kWanted)) {
      return true;
    }
  }
}

bool read_name(Mechanism mechanism, Base64Octets& in, NameHash& name) {
  switch (mechanism) {
    case Mechanism::Plain:
      return skip_past(in, '\0') && read_until(in, '\0', name);
    case Mechanism::Login:
    case Mechanism::External:
      return read_until(in, Base64Octets::kEnd, name);
    case Mechanism::XOAuth2:
      return read_xoauth2_user(in, name);
    case Mechanism::OAuthBearer:
      return read_oauthbearer_user(in, name);
    case Mechanism::ScramSha1:
    case Mechanism::ScramSha256: {
      NameText authorized;
      return read_gs2_header(in, authorized) && skip_word(in, "n=") && read_saslname(in, name);
    }
    case Mechanism::CramMd5:
      return read_until_last_space(in, name);
    case Mechanism::DigestMd5:
      return read_username(in, name);
    case Mechanism::Ntlm:
    case Mechanism::Gssapi:
    case Mechanism::Other:
    case Mechanism::Preauth:
      return false;
  }
  return false;
}

// Of PLAIN or SCRAM: `authorized` stays empty if the client gives one name alone.
bool read_names(Mechanism mechanism, Base64Octets& in, NameText& authorized, NameText& name) {
  if (mechanism == Mechanism::Plain) {
    return read_until(in, '\0', authorized) && read_until(in, '\0', name);
  }
  return read_gs2_header(in, authorized) && skip_word(in, "n=") && read_saslname(in, name);
}

}  // namespace

uint64_t user_hash(const SipHash::Key& key, std::string_view name) {
  NameHash hash(key);
  for (const uint8_t octet : as_bytes(name)) {
    hash.add(octet);
  }
  return hash.value();
}

uint64_t sasl_user(const SipHash::Key& key, Mechanism mechanism, std::string_view base64) {
  Base64Octets in(base64);
  NameHash name(key);
  return read_name(mechanism, in, name) && !name.empty() ? name.value() : 0;
}

bool shows_user_first(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::Login:
    case Mechanism::Plain:
    case Mechanism::XOAuth2:
    case Mechanism::OAuthBearer:
    case Mechanism::ScramSha1:
    case Mechanism::ScramSha256:
    case Mechanism::External:
      return true;
    default:
      return false;
  }
}

std::optional<std::string> user_of_response(Mechanism mechanism, std::string_view base64) {
  Base64Octets in(base64);
  NameText authorized;
  NameText name;
  bool good = false;
  switch (mechanism) {
    case Mechanism::Plain:
    case Mechanism::ScramSha1:
    case Mechanism::ScramSha256:
      good = read_names(mechanism, in, authorized, name);
      break;
    case Mechanism::Login:
    case Mechanism::External:
      good = read_until(in, Base64Octets::kEnd, name);
      break;
    case Mechanism::XOAuth2:
      good = read_xoauth2_user(in, name);
      break;
    case Mechanism::OAuthBearer:
      good = read_oauthbearer_user(in, name);
      break;
    default:
      break;
  }
  if (!good) {
    return std::nullopt;
  }
  return authorized.empty() ? name.take() : authorized.take();
}

}  // namespace postern::imap
