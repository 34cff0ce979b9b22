// Strict readers of single values. Each either sets `out`, or leaves it alone and records a fault
// that says what is allowed. The file and the flags share them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/config/diagnostics.h"
#include "proxy/net/address.h"
#include "proxy/net/network.h"

namespace postern::config {

// Decimal digits only: no sign, and no leading zero, which could look octal.
void read_number(const SourceValue& value, uint64_t lowest, uint64_t highest, size_t& out,
                 Diagnostics& diagnostics);

inline constexpr uint64_t kShortestMs = 10;
inline constexpr uint64_t kLongestMs = 86'400'000;
// "500ms", "90s", "10m", "1h30m", "1d", from `lowest_ms` to 24h.
void read_duration(const SourceValue& value, uint64_t lowest_ms, uint64_t& out_ms,
                   Diagnostics& diagnostics);

inline constexpr size_t kMaxWorkers = 256;
// "auto" (nullopt) or 1 to 256.
void read_workers(const SourceValue& value, std::optional<size_t>& out, Diagnostics& diagnostics);

void read_address(const SourceValue& value, net::Address& out, Diagnostics& diagnostics);

// "64MiB", "2GiB": from `lowest` bytes to 1 TiB.
void read_size(const SourceValue& value, uint64_t lowest, size_t& out, Diagnostics& diagnostics);

// "25%", from 1% to 90%.
void read_percent(const SourceValue& value, size_t& out, Diagnostics& diagnostics);

// One block of addresses of a list, "10.0.0.0/8".
void read_network(const SourceValue& value, std::vector<net::Network>& out,
                  Diagnostics& diagnostics);

// One IP address of a list, without a port.
void read_ip(const SourceValue& value, std::vector<net::Address>& out, Diagnostics& diagnostics);

// Whose route it is: a user's name, or *@domain for all of a domain, in the form in which names are
// compared.
void read_route_user(const SourceValue& value, std::string_view default_domain, std::string& out,
                     Diagnostics& diagnostics);

// A user's name as useradd(8) accepts it. Whether the user exists is not checked here.
void read_user(const SourceValue& value, std::string& out, Diagnostics& diagnostics);

// A path, relative to `folder` unless it is absolute. Whether the file exists is not checked here.
void read_path(const SourceValue& value, const std::string& folder, std::string& out,
               Diagnostics& diagnostics);

// A name that SNI may carry (RFC 6066 §3), in lower case; with `wildcard` also "*.name".
void read_dns_name(const SourceValue& value, bool wildcard, std::string& out,
                   Diagnostics& diagnostics);

// The name or IP address that a backend's certificate must be for.
void read_certificate_name(const SourceValue& value, std::string& out, Diagnostics& diagnostics);

// base64 of 32 octets (RFC 7469 §2.4).
void read_pin(const SourceValue& value, std::vector<std::string>& out, Diagnostics& diagnostics);

// A backend's name becomes a metric label: [A-Za-z0-9_-]{1,64}.
void check_backend_name(const SourceValue& value, Diagnostics& diagnostics);

void read_boolean(const SourceValue& value, bool& out, Diagnostics& diagnostics);

// One of the words of the enumeration E.
template <typename E>
void read_choice(const SourceValue& value, E& out, Diagnostics& diagnostics) {
  std::vector<std::string> words;
  for (size_t i = 0; i < kCountOf<E>; ++i) {
    words.emplace_back(name_of(static_cast<E>(i)));
  }
  const auto found = std::find(words.begin(), words.end(), value.text);
  if (found != words.end()) {
    out = static_cast<E>(found - words.begin());
    return;
  }
  diagnostics.fault(value, "is none of " + join(words) + did_you_mean(value.text, words));
}

// The inverse of the readers: a value as the file writes it.
std::string show_number(size_t value);
std::string show_percent(size_t value);
std::string show_duration(uint64_t ms);  // in the largest unit that divides it
std::string show_size(size_t bytes);
std::string show_workers(std::optional<size_t> value);
std::string show_boolean(bool value);
template <typename E>
std::string show_choice(E value) {
  return name_of(value);
}

}  // namespace postern::config
