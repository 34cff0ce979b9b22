#include "proxy/http/accept.h"

#include <algorithm>

#include "proxy/http/token.h"

namespace postern::http {
namespace {

constexpr int kWhole = 1000;  // a weight of 1

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Takes what stands before the next separator off `rest`, and the separator.
std::string_view take_until(char separator, std::string_view& rest) {
  bool quoted = false;
  size_t end = 0;
  while (end < rest.size() && (quoted || rest[end] != separator)) {
    quoted = quoted != (rest[end] == '"');
    ++end;
  }
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(taken);
}

// In thousandths. RFC 9110 §12.4.2; what is none is as good as 0.
int weight_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return 0;
  }
  int weight = (text[0] - '0') * kWhole;
  int unit = kWhole / 10;
  for (const char digit : text.substr(std::min<size_t>(text.size(), 2))) {
    if (digit < '0' || digit > '9') {
      return 0;
    }
    weight += (digit - '0') * unit;
    unit /= 10;
  }
  return std::min(weight, kWhole);
}

// One element of Accept or Accept-Encoding.
struct Choice {
  std::string_view name;
  std::string_view version;
  int weight = kWhole;
};

Choice read_choice(std::string_view text) {
  Choice choice{.name = take_until(';', text), .version = {}};
  while (!text.empty()) {
    std::string_view value = take_until(';', text);
    const std::string_view key = take_until('=', value);
    if (same_token(key, "q")) {
      choice.weight = weight_of(trim(value));
    } else if (same_token(key, "version")) {
      choice.version = trim(value);
    }
  }
  return choice;
}

}  // namespace

int weight_in(std::string_view header, std::string_view name, std::string_view version) {
  int best = 0;
  while (!header.empty()) {
    const Choice choice = read_choice(take_until(',', header));
    if (same_token(choice.name, name) && (choice.version.empty() || choice.version == version)) {
      best = std::max(best, choice.weight);
    }
  }
  return best;
}

}  // namespace postern::http
