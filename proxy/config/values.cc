#include "proxy/config/values.h"

#include <charconv>
#include <optional>

#include "proxy/users/user_name.h"

namespace postern::config {
namespace {

constexpr size_t kMaxName = 253;  // RFC 1035 §2.3.4, as text
constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxBackendName = 64;
constexpr size_t kMaxPath = 4095;  // PATH_MAX without its NUL
constexpr size_t kPinLength = 44;  // 32 octets in base64

struct Unit {
  std::string_view name;
  uint64_t ms;
};
struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<SizeUnit, 3> kSizeUnits = {
    {{"KiB", uint64_t{1} << 10}, {"MiB", uint64_t{1} << 20}, {"GiB", uint64_t{1} << 30}}};
constexpr uint64_t kLargestSize = uint64_t{1} << 40;

constexpr std::array<Unit, 5> kUnits = {
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::optional<uint64_t> parse_number(std::string_view digits) {
  uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  const bool octal_look = digits.size() > 1 && digits.front() == '0';
  if (digits.empty() || error != std::errc() || stop != end || octal_look) {
    return std::nullopt;
  }
  return number;
}

// "90s", or the sum of several, each smaller than the one before: "1h30m".
std::optional<uint64_t> parse_duration(std::string_view text) {
  uint64_t sum_ms = 0;
  uint64_t smaller_than = UINT64_MAX;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const size_t end = std::min(text.find_first_of("0123456789", digits), text.size());
    const std::optional<uint64_t> number = parse_number(text.substr(0, digits));
    const std::string_view name = text.substr(digits, end - digits);
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                   [name](const Unit& known) { return known.name == name; });
    if (!number || unit == kUnits.end() || unit->ms >= smaller_than ||
        *number > kLongestMs / unit->ms) {
      return std::nullopt;
    }
    sum_ms += *number * unit->ms;
    smaller_than = unit->ms;
    text.remove_prefix(end);
  }
  return smaller_than != UINT64_MAX ? std::optional(sum_ms) : std::nullopt;
}

// The fault of a DNS name in lower case, or null.
const char* name_problem(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) {
    return "is not a host name of 1 to 253 characters";
  }
  std::string_view label;
  for (size_t at = 0; at <= name.size(); at += label.size() + 1) {
    label = name.substr(at, name.find('.', at) - at);
    if (label.empty() || label.size() > kMaxLabel) {
      return "is not a host name: each part between dots has 1 to 63 characters";
    }
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return is_digit(c) || is_letter(c) || c == '-' || c == '_';
    });
    if (!plain) {
      return "is not a host name of letters, digits, '-', '_' and '.'; "
             "write an international name in its xn-- form";
    }
    if (label.front() == '-' || label.back() == '-') {
      return "is not a host name: no part begins or ends with '-'";
    }
  }
  if (std::all_of(label.begin(), label.end(), is_digit)) {
    return "is not a host name: its last part is a number (SNI carries no IP addresses)";
  }
  return nullptr;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return text;
}

}  // namespace

void read_number(const SourceValue& value, uint64_t lowest, uint64_t highest, size_t& out,
                 Diagnostics& diagnostics) {
  const std::optional<uint64_t> number = parse_number(value.text);
  if (!number || *number < lowest || *number > highest) {
    return diagnostics.fault(
        value, "is not a number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  }
  out = *number;
}

void read_duration(const SourceValue& value, uint64_t lowest_ms, uint64_t& out_ms,
                   Diagnostics& diagnostics) {
  if (parse_number(value.text)) {
    return diagnostics.fault(
        value, "has no unit; write \"" + value.text + "s\" for seconds, or ms, m, h, d");
  }
  const std::optional<uint64_t> ms = parse_duration(value.text);
  if (!ms || *ms < lowest_ms || *ms > kLongestMs) {
    return diagnostics.fault(value, "is not a duration from " + show_duration(lowest_ms) +
                                        " to 24h, such as 500ms, 90s, 10m or 1h30m");
  }
  out_ms = *ms;
}

void read_workers(const SourceValue& value, std::optional<size_t>& out, Diagnostics& diagnostics) {
  if (value.text == "auto") {
    out = std::nullopt;
    return;
  }
  const std::optional<uint64_t> number = parse_number(value.text);
  if (!number || *number < 1 || *number > kMaxWorkers) {
    return diagnostics.fault(value, "is neither auto nor a number from 1 to 256");
  }
  out = *number;
}

void read_boolean(const SourceValue& value, bool& out, Diagnostics& diagnostics) {
  const std::vector<std::string> words = {"false", "true"};
  const auto found = std::find(words.begin(), words.end(), value.text);
  if (found == words.end()) {
    diagnostics.fault(value, "is none of " + join(words) + did_you_mean(value.text, words));
    return;
  }
  out = found != words.begin();
}

void read_address(const SourceValue& value, net::Address& out, Diagnostics& diagnostics) {
  const Result<net::Address> address = net::Address::parse(value.text);
  if (address) {
    out = address.value();
    return;
  }
  const size_t colon = value.text.rfind(':');
  const std::string host = value.text.substr(0, colon);
  if (colon != std::string::npos && (host == "*" || host == "localhost")) {
    const std::string port = value.text.substr(colon);
    return diagnostics.fault(
        value, host == "*"
                   ? "names no address; write \"[::]" + port + "\" for all, of IPv4 and IPv6"
                   : "names no address; write 127.0.0.1" + port + " or \"[::1]" + port + "\"");
  }
  for (const Fault& fault : address.faults()) {
    diagnostics.fault(value.line, value.key + ": " + fault.message);
  }
}

void read_size(const SourceValue& value, uint64_t lowest, size_t& out, Diagnostics& diagnostics) {
  const std::string_view text = value.text;
  const auto digits =
      static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::optional<uint64_t> number = parse_number(text.substr(0, digits));
  const auto unit = std::find_if(kSizeUnits.begin(), kSizeUnits.end(), [&](const SizeUnit& known) {
    return known.name == text.substr(digits);
  });
  const bool fits = number && unit != kSizeUnits.end() && *number <= kLargestSize / unit->bytes &&
                    *number * unit->bytes >= lowest;
  if (!fits) {
    return diagnostics.fault(value, "is not a size from " + std::to_string(lowest >> 20) +
                                        "MiB to 1024GiB, such as 512MiB or 4GiB");
  }
  out = *number * unit->bytes;
}

void read_percent(const SourceValue& value, size_t& out, Diagnostics& diagnostics) {
  constexpr uint64_t kHighest = 90;
  const std::string_view text = value.text;
  const bool has_unit = text.ends_with('%');
  const auto number = parse_number(text.substr(0, text.size() - (has_unit ? 1 : 0)));
  if (!has_unit || !number || *number < 1 || *number > kHighest) {
    return diagnostics.fault(value, "is not a share from 1% to 90%, such as 25%");
  }
  out = *number;
}

void read_network(const SourceValue& value, std::vector<net::Network>& out,
                  Diagnostics& diagnostics) {
  const Result<net::Network> network = net::Network::parse(value.text);
  if (network) {
    out.push_back(network.value());
    return;
  }
  // The faults of parse() quote the value, so they are used only if it cannot harm a terminal.
  const bool plain = value.text.find_first_not_of("0123456789abcdefABCDEF.:/") == std::string::npos;
  if (!plain) {
    return diagnostics.fault(value,
                             "is not a network; write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32");
  }
  for (const Fault& fault : network.faults()) {
    diagnostics.fault(value.line, value.key + ": " + fault.message);
  }
}

void read_ip(const SourceValue& value, std::vector<net::Address>& out, Diagnostics& diagnostics) {
  const auto address = net::Address::parse_ip(value.text);
  if (!address) {
    return diagnostics.fault(value, "is not an IP address, such as 192.0.2.7 or 2001:db8::7");
  }
  if (address.value().is_unspecified()) {
    return diagnostics.fault(value, "names no address of this machine");
  }
  if (std::find(out.begin(), out.end(), address.value()) != out.end()) {
    return diagnostics.fault(value, "is listed twice");
  }
  out.push_back(address.value());
}

void read_user(const SourceValue& value, std::string& out, Diagnostics& diagnostics) {
  const bool plain = !value.text.empty() && value.text.size() <= 32 && value.text.front() != '-' &&
                     std::all_of(value.text.begin(), value.text.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                              (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.';
                     });
  if (!plain) {
    diagnostics.fault(value, "is not a user's name: 1 to 32 letters, digits, _, - and .");
    return;
  }
  out = value.text;
}

void read_path(const SourceValue& value, const std::string& folder, std::string& out,
               Diagnostics& diagnostics) {
  const bool readable = !value.text.empty() && value.text.size() <= kMaxPath &&
                        value.text.find('\0') == std::string::npos;
  if (!readable) {
    return diagnostics.fault(value, "is not the path of a file");
  }
  const bool as_written = value.text.front() == '/' || folder.empty();
  out = as_written ? value.text : folder + (folder.back() == '/' ? "" : "/") + value.text;
}

void read_dns_name(const SourceValue& value, bool wildcard, std::string& out,
                   Diagnostics& diagnostics) {
  std::string name = lower(value.text);
  const bool starred = wildcard && name.starts_with("*.");
  const std::string_view checked = std::string_view(name).substr(starred ? 2 : 0);
  if (wildcard && checked.find('*') != std::string_view::npos) {
    return diagnostics.fault(value, "has a * that is not in front: allowed are NAME and *.NAME");
  }
  if (const char* problem = name_problem(checked)) {
    return diagnostics.fault(value, problem);
  }
  out = std::move(name);
}

void read_route_user(const SourceValue& value, std::string_view default_domain, std::string& out,
                     Diagnostics& diagnostics) {
  constexpr std::string_view kAnyOf = "*@";
  if (!is_user_pattern(value.text)) {
    return diagnostics.fault(value, "is neither a user's name nor *@DOMAIN");
  }
  const bool starred = value.text.starts_with(kAnyOf);
  out = starred ? std::string(kAnyOf) + lower(value.text.substr(kAnyOf.size()))
                : user_name(value.text, default_domain);
  if (out.empty()) {
    diagnostics.fault(value, "is too long: a name has at most 255 octets with its domain");
  }
}

void read_certificate_name(const SourceValue& value, std::string& out, Diagnostics& diagnostics) {
  if (net::Address::parse_ip(value.text)) {
    out = value.text;
    return;
  }
  read_dns_name(value, false, out, diagnostics);
}

void read_pin(const SourceValue& value, std::vector<std::string>& out, Diagnostics& diagnostics) {
  const std::string_view text = value.text;
  const bool in_alphabet =
      std::all_of(text.begin(), text.end() - (text.empty() ? 0 : 1),
                  [](char c) { return is_digit(c) || is_letter(c) || c == '+' || c == '/'; });
  // The last digit before the padding carries four bits; its lowest two must be zero.
  constexpr std::string_view kLast = "AEIMQUYcgkosw048";
  const bool is_pin = text.size() == kPinLength && in_alphabet && text.back() == '=' &&
                      kLast.find(text[kPinLength - 2]) != std::string_view::npos;
  if (!is_pin) {
    return diagnostics.fault(
        value, "is not the base64 of a SHA-256: 44 characters of which the last is '='");
  }
  out.push_back(value.text);
}

void check_backend_name(const SourceValue& value, Diagnostics& diagnostics) {
  const std::string& name = value.text;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || is_letter(c) || c == '-' || c == '_';
  });
  if (name.empty() || name.size() > kMaxBackendName || !plain) {
    diagnostics.fault(value, "is not a backend's name: 1 to 64 letters, digits, '-' and '_'");
  }
}

std::string show_percent(size_t value) {
  return std::to_string(value) + "%";
}

std::string show_number(size_t value) {
  return std::to_string(value);
}

std::string show_duration(uint64_t ms) {
  for (size_t i = kUnits.size(); i-- > 1;) {
    if (ms != 0 && ms % kUnits[i].ms == 0) {
      return std::to_string(ms / kUnits[i].ms).append(kUnits[i].name);
    }
  }
  return ms == 0 ? "0s" : std::to_string(ms) + "ms";
}

std::string show_size(size_t bytes) {
  size_t unit = kSizeUnits.size() - 1;
  while (unit > 0 && bytes % kSizeUnits[unit].bytes != 0) {
    --unit;
  }
  return std::to_string(bytes / kSizeUnits[unit].bytes).append(kSizeUnits[unit].name);
}

std::string show_workers(std::optional<size_t> value) {
  return value ? show_number(*value) : "auto";
}

std::string show_boolean(bool value) {
  return value ? "true" : "false";
}

}  // namespace postern::config
