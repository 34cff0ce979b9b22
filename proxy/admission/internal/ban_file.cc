#include "proxy/admission/internal/ban_file.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "proxy/admission/login_guard.h"
#include "proxy/log/escape.h"

namespace postern {
namespace {

constexpr std::string_view kHead = "postern bans 1";
constexpr std::string_view kByHand = "admin";
constexpr std::string_view kByFailures = "login_failures";

std::string_view take_until(char separator, std::string_view& rest) {
  const std::string_view taken = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(taken.size() + 1, rest.size()));
  return taken;
}

std::optional<int64_t> read_time(std::string_view text) {
  int64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && seconds > 0 ? std::optional(seconds) : std::nullopt;
}

std::optional<KeptBan> read_ban(std::string_view line) {
  const auto client = net::Address::parse_ip(take_until(' ', line));
  const auto until_s = read_time(take_until(' ', line));
  if (!client || !until_s || (line != kByHand && line != kByFailures)) {
    return std::nullopt;
  }
  return KeptBan{.client = client.value(), .until_s = *until_s, .by_hand = line == kByHand};
}

}  // namespace

std::string write_bans(const std::vector<KeptBan>& bans) {
  std::string text(kHead);
  text.push_back('\n');
  for (const KeptBan& ban : bans) {
    text.append(ban.client.ip_text()).append(" ").append(std::to_string(ban.until_s)).append(" ");
    text.append(ban.by_hand ? kByHand : kByFailures).append("\n");
  }
  return text;
}

Result<std::vector<KeptBan>> read_bans(std::string_view text, const std::string& where) {
  const auto at = [&where](size_t line, const std::string& what) {
    return Fault{where + ":" + std::to_string(line), what};
  };
  if (!text.ends_with('\n')) {
    return Fault{where, "does not end with a whole line"};
  }
  if (const std::string_view head = take_until('\n', text); head != kHead) {
    return at(1, "is " + in_quotes(head) + ", not " + in_quotes(kHead));
  }
  std::vector<KeptBan> bans;
  while (!text.empty()) {
    const size_t line = bans.size() + 2;
    const auto ban = read_ban(take_until('\n', text));
    if (!ban) {
      return at(line, "is no address, time and reason of a ban");
    }
    if (bans.size() == LoginGuard::kListedBans) {
      return at(line, "is one ban too many");
    }
    bans.push_back(*ban);
  }
  return bans;
}

}  // namespace postern
