#include "proxy/users/user_name.h"

#include <algorithm>

namespace postern {
namespace {

constexpr std::string_view kAnyOf = "*@";

// A map's line could not hold it, and no mail server has such a user.
bool is_odd(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string user_name(std::string_view written, std::string_view default_domain) {
  const std::string_view user = written.substr(0, written.find('*'));
  if (user.empty() || user.size() > kMaxUserName || std::ranges::any_of(user, is_odd)) {
    return {};
  }
  std::string name(user);
  if (!default_domain.empty() && user.find('@') == std::string_view::npos) {
    name.append("@").append(default_domain);
  }
  std::ranges::transform(name, name.begin(), lower);
  return name.size() <= kMaxUserName ? name : std::string();
}

bool is_user_pattern(std::string_view written) {
  if (written.starts_with(kAnyOf)) {
    written.remove_prefix(kAnyOf.size());
    return written.find_first_of("*@") == std::string_view::npos && !user_name(written, "").empty();
  }
  return written.find('*') == std::string_view::npos && !user_name(written, "").empty();
}

}  // namespace postern
