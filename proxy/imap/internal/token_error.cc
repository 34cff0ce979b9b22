#include "proxy/imap/internal/token_error.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/imap/internal/base64_octets.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {

namespace {

// The longest error challenge that is read.
constexpr size_t kMaxChallenge = 8 * kKiB;

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

bool says_expired(std::string_view base64) {
  if (base64.size() > kMaxChallenge) {
    return false;
  }
  std::string json;
  Base64Octets in(base64);
  int octet = in.next();
  for (; octet >= 0; octet = in.next()) {
    json.push_back(static_cast<char>(octet));
  }
  std::string_view rest = json;
  skip_spaces(rest);
  if (octet != Base64Octets::kEnd || !rest.starts_with('{')) {
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
