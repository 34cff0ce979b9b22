#include "proxy/imap/internal/login_name.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/base/secret.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {

namespace {

// The longest error challenge that is read.
constexpr size_t kMaxChallenge = 8 * kKiB;

// The value of a digit of base64 (RFC 4648 §4), or -1.
int digit_value(uint8_t digit) {
  if (digit >= 'A' && digit <= 'Z') {
    return digit - 'A';
  }
  if (digit >= 'a' && digit <= 'z') {
    return digit - 'a' + 26;
  }
  if (digit >= '0' && digit <= '9') {
    return digit - '0' + 52;
  }
  return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

constexpr int kEnd = -1;  // instead of an octet: there are no more
constexpr int kBad = -2;  // or the rest is no base64

// Decodes the octets of a response one by one, and no more than the caller asks for.
class Octets {
 public:
  explicit Octets(std::string_view base64) : rest_(base64 == "=" ? std::string_view() : base64) {}
  Octets(const Octets&) = delete;
  Octets& operator=(const Octets&) = delete;
  ~Octets() { wipe(&bits_, sizeof bits_); }  // they may belong to the password already

  int next() {
    if (count_ == 0 && !take_group()) {
      return rest_.empty() ? kEnd : kBad;
    }
    --count_;
    return static_cast<int>(bits_ >> (8 * count_) & 0xFF);
  }

 private:
  // Four digits are three octets, or fewer at the end.
  bool take_group() {
    if (rest_.size() < 4) {
      return false;
    }
    const size_t padding = rest_.size() > 4 || rest_[3] != '=' ? 0 : rest_[2] == '=' ? 2 : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4 - padding; ++i) {
      const int value = digit_value(static_cast<uint8_t>(rest_[i]));
      if (value < 0) {
        return false;
      }
      bits = bits << 6 | static_cast<uint32_t>(value);
    }
    rest_.remove_prefix(4);
    count_ = 3 - padding;
    bits_ = bits >> (padding == 2 ? 4 : padding == 1 ? 2 : 0);
    return true;
  }

  std::string_view rest_;
  uint32_t bits_ = 0;
  size_t count_ = 0;  // of octets in `bits_`
};

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

bool skip_past(Octets& in, int mark) {
  int octet = in.next();
  while (octet >= 0 && octet != mark) {
    octet = in.next();
  }
  return octet == mark;
}

bool skip_word(Octets& in, std::string_view word) {
  return std::all_of(word.begin(), word.end(),
                     [&in](char c) { return in.next() == static_cast<uint8_t>(c); });
}

template <typename Name>
bool read_until(Octets& in, int mark, Name& name) {
  int octet = in.next();
  while (octet >= 0 && octet != mark) {
    name.add(octet);
    octet = in.next();
  }
  return octet == mark;
}

// saslname (RFC 5801 §4): "=2C" is a comma and "=3D" an equals sign.
template <typename Name>
bool read_saslname(Octets& in, Name& name) {
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
bool read_gs2_header(Octets& in, Name& authorized) {
  const int flag = in.next();
  const bool binds = flag == 'p' && skip_past(in, ',');
  if (!binds && ((flag != 'n' && flag != 'y') || in.next() != ',')) {
    return false;
  }
  const int first = in.next();
  return first == ',' || (first == 'a' && in.next() == '=' && read_saslname(in, authorized));
}

// Whether one of the fields that follow begins so; each ends with ^A.
bool has_field(Octets& in, std::string_view word) {
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
bool read_xoauth2_user(Octets& in, Name& name) {
  constexpr std::string_view kUser = "user=";
  return skip_word(in, kUser) && read_until(in, '\x01', name) && !has_field(in, kUser);
}

// The fields begin right after the header.
template <typename Name>
bool read_oauthbearer_user(Octets& in, Name& name) {
  return read_gs2_header(in, name) && in.next() == '\x01' && !name.empty();
}

// The digest is one word; the name may have several.
bool read_until_last_space(Octets& in, NameHash& name) {
  NameHash all = name;
  int octet = in.next();
  for (; octet >= 0; octet = in.next()) {
    if (octet == ' ') {
      name = all;
    }
    all.add(octet);
  }
  return octet == kEnd;
}

// Reads the value of one directive of DIGEST-MD5, up to the next comma or the end.
bool read_directive(Octets& in, NameHash& value) {
  int octet = in.next();
  if (octet == '"') {
    for (octet = in.next(); octet >= 0 && octet != '"'; octet = in.next()) {
      octet = octet == '\\' ? in.next() : octet;
      value.add(octet);
    }
    octet = octet == '"' ? in.next() : kBad;
  } else {
    for (; octet >= 0 && octet != ','; octet = in.next()) {
      value.add(octet);
    }
  }
  return octet == ',' || octet == kEnd;
}

bool read_username(Octets& in, NameHash& name) {
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

bool read_name(Mechanism mechanism, Octets& in, NameHash& name) {
  switch (mechanism) {
    case Mechanism::Plain:
      return skip_past(in, '\0') && read_until(in, '\0', name);
    case Mechanism::Login:
    case Mechanism::External:
      return read_until(in, kEnd, name);
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
bool read_names(Mechanism mechanism, Octets& in, NameText& authorized, NameText& name) {
  if (mechanism == Mechanism::Plain) {
    return read_until(in, '\0', authorized) && read_until(in, '\0', name);
  }
  return read_gs2_header(in, authorized) && skip_word(in, "n=") && read_saslname(in, name);
}

bool contains_word(std::string_view text, std::string_view word) {
  for (; text.size() >= word.size(); text.remove_prefix(1)) {
    if (starts_with_word(text, word)) {
      return true;
    }
  }
  return false;
}

// Whether a text says that something has expired, and nothing else. RFC 6750 has "expired, revoked,
// malformed, or invalid for other reasons" for every bad token.
bool means_expired(std::string_view text) {
  constexpr std::string_view kReservations[] = {" or ",      "not ",    "not_",      "n't ",
                                                "unexpired", "revoked", "malformed", "invalid ",
                                                "invalid,",  "invalid/"};
  return contains_word(text, "expired") &&
         std::none_of(std::begin(kReservations), std::end(kReservations),
                      [text](std::string_view word) { return contains_word(text, word); });
}

// Takes the next string of a JSON text off `rest`: the text between its quotes, without decoding.
bool take_string(std::string_view& rest, std::string_view& string) {
  const size_t begin = rest.find('"');
  if (begin == std::string_view::npos) {
    return false;
  }
  rest.remove_prefix(begin + 1);
  size_t end = 0;
  while (end < rest.size() && rest[end] != '"') {
    end += rest[end] == '\\' ? 2 : 1;
  }
  if (end >= rest.size()) {
    return false;
  }
  string = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
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
  Octets in(base64);
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
  Octets in(base64);
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
      good = read_until(in, kEnd, name);
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

bool says_expired(std::string_view base64) {
  if (base64.size() > kMaxChallenge) {
    return false;
  }
  std::string json;
  Octets in(base64);
  int octet = in.next();
  for (; octet >= 0; octet = in.next()) {
    json.push_back(static_cast<char>(octet));
  }
  std::string_view rest = json;
  skip_spaces(rest);
  if (octet != kEnd || !rest.starts_with('{')) {
    return false;
  }
  std::string_view string;
  while (take_string(rest, string)) {
    skip_spaces(rest);
    const bool is_key = rest.starts_with(':');
    if (!is_key && means_expired(string)) {
      return true;
    }
  }
  return false;
}

}  // namespace postern::imap
