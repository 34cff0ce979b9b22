// The rows of the table that say who is refused and when: limits, lists of networks. Constant data,
// for config_table.cc alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/config_table.h"
#include "proxy/config_values.h"

namespace postern::config {

inline constexpr std::string_view kDuration = "duration: 500ms, 90s, 10m, 1h";
inline constexpr uint64_t kMaxSessions = 10'000'000;
inline constexpr uint64_t kMaxRate = 1'000'000;
inline constexpr size_t kMaxNetworks = 10'000;

constexpr auto kListenerLimitRows = std::to_array<Row>({
    {.path = "listeners[].sessions",
     .form = "1 to 10000000",
     .sample = "50000",
     .doc = "Sessions at one time of this listener, besides limits.sessions. A reload changes it.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxSessions, d.listeners.back().sessions, d.findings);
         }},
});

constexpr auto kLimitRows = std::to_array<Row>({
    {.path = "limits", .shape = Shape::Map, .form = "map", .doc = "What is refused, politely."},
    {.path = "limits.sessions",
     .form = "1 to 10000000",
     .fallback = "100000",
     .doc = "Sessions at one time.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.sessions, d.findings);
         }},
    {.path = "limits.sessions_per_address",
     .form = "1 to 10000000",
     .fallback = "1000",
     .doc = "Sessions at one time of one IPv4 address or one IPv6 /64.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.sessions_per_address, d.findings);
         }},
    {.path = "limits.handshakes_in_flight",
     .form = "1 to 10000000",
     .fallback = "1000",
     .doc = "TLS handshakes at one time: they are what costs processor time.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.handshakes_in_flight, d.findings);
         }},
    {.path = "limits.connections_per_address",
     .shape = Shape::Map,
     .form = "map",
     .doc = "How often one IPv4 address or one IPv6 /64 may connect. Without it as often as it "
            "likes."},
    {.path = "limits.connections_per_address.max",
     .required = true,
     .form = "1 to 1000000",
     .sample = "120",
     .doc = "So many at once; then one more in each max-th part of the time.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxRate, d.config.limits.connections_per_address.max, d.findings);
         }},
    {.path = "limits.connections_per_address.per",
     .form = kDuration,
     .fallback = "1m",
     .doc = "In this time.",
     .value =
         [](Draft& d, const Written& w) {
           read_duration(w, kShortestMs, d.config.limits.connections_per_address.per_ms,
                         d.findings);
         }},
    {.path = "limits.allow",
     .shape = Shape::Scalars,
     .form = "list of 1 to 10000 networks",
     .sample = R"(["0.0.0.0/0", "::/0"])",
     .doc = "Only clients of these networks may connect. Without it all.",
     .most = kMaxNetworks,
     .value = [](Draft& d,
                 const Written& w) { read_network(w, d.config.limits.allow, d.findings); }},
    {.path = "limits.deny",
     .shape = Shape::Scalars,
     .form = "list of up to 10000 networks",
     .sample = R"(["192.0.2.0/24", "2001:db8::/32"])",
     .doc = "Clients of these networks may not connect, whatever limits.allow says.",
     .least = 0,
     .most = kMaxNetworks,
     .value = [](Draft& d,
                 const Written& w) { read_network(w, d.config.limits.deny, d.findings); }},
});

}  // namespace postern::config
