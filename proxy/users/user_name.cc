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

const char* name_fault(std::string_view written) {
  if (written.starts_with('"') && written.ends_with('"')) {
    return "has a user in quotes, which would belong to the name: write it without them";
  }
  if (written.ends_with(':')) {
    return "has a user that ends with \":\": write a space between user and backend";
  }
  if (written.starts_with('@') || written.ends_with('@') ||
      written.find("@@") != std::string_view::npos) {
    return "has a user with nothing before or after an \"@\"";
  }
  if (user_name(written, "").empty()) {
    return "has a user of more than 255 octets, or with control characters";
  }
  return nullptr;
}

bool is_user_pattern(std::string_view written) {
  const bool any = written.starts_with(kAnyOf);
  written.remove_prefix(any ? kAnyOf.size() : 0);
  return written.find_first_of(any ? "*@" : "*") == std::string_view::npos &&
         name_fault(written) == nullptr;
}

}  // namespace postern
