// The rows of the table that say who is refused and when: limits, lists of networks.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/config/table_parts.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

constexpr uint64_t kMaxSessions = 10'000'000;
constexpr uint64_t kMaxRate = 1'000'000;
constexpr uint64_t kMaxFailures = 200;  // what LoginGuard can count
constexpr uint64_t kShortestWindowMs = 1'000;
constexpr uint64_t kLeastMemory = 32 * kMiB;
constexpr uint64_t kLeastCommand = 8 * kKiB;
constexpr size_t kMaxNetworks = 10'000;

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
    {.path = "limits",
     .shape = Shape::Map,
     .form = "map",
     .doc = "Who is refused: on 143 with a `* BYE`, on 993 by a close before TLS, which costs "
            "nothing. Limits of handshakes always close."},
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
    {.path = "limits.handshakes_per_address",
     .form = "1 to 10000000",
     .fallback = "250",
     .doc = "Of those, by one IPv4 address or one IPv6 /64: nobody shall take all by never ending "
            "them.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.handshakes_per_address, d.findings);
         }},
    {.path = "limits.memory",
     .form = "size: 512MiB, 4GiB",
     .sample = "4GiB",
     .doc = "What the process may use in all, from 32MiB. From three quarters of it on nothing is "
            "read for a client or server that does not take what is there for it; from seven "
            "eighths on new sessions are refused; at the limit those are ended that would need "
            "more. Without it only each session is bounded.",
     .value =
         [](Draft& d, const Written& w) {
           read_size(w, kLeastMemory, d.config.limits.memory, d.findings);
         }},
    {.path = "limits.command_before_login",
     .form = "size: 512MiB, 4GiB",
     .fallback = "128KiB",
     .doc =
         "The longest command, with its literals, or response to a SASL challenge before login, "
         "from 8KiB. The gateway reads it as a whole before it sends it on. A Kerberos ticket of "
         "64KiB takes 86KiB.",
     .value =
         [](Draft& d, const Written& w) {
           read_size(w, kLeastCommand, d.config.limits.command_before_login, d.findings);
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
     .doc = "So many in a burst, then one more every per / max: with 120 per 1m every 0.5 s.",
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
    {.path = "limits.login_failures",
     .shape = Shape::Map,
     .form = "map",
     .doc = "What becomes of one IPv4 address or one IPv6 /64 whose logins the backend refuses, or "
            "which hangs up on them. Refusals for another reason than the secret do not count "
            "(results other than failure and abandoned in postern_logins_total); a success "
            "forgives what the same user got wrong from there. Without it nothing is counted; {} "
            "takes the defaults.",
     .begin = [](Draft& d, const Written&) { d.config.limits.login_failures.emplace(); }},
    {.path = "limits.login_failures.max",
     .form = "1 to 200",
     .fallback = "10",
     .doc = "So many failures within `per` ban the address. No more of its logins are with the "
            "backend at a time than are missing to that; further ones wait for their turn.",
     .value =
         [](Draft& d, const Written& w) {
           read_number(w, 1, kMaxFailures, d.config.limits.login_failures->max, d.findings);
         }},
    {.path = "limits.login_failures.per",
     .form = kDuration,
     .fallback = "10m",
     .doc = "The time in which they are counted, from 1s.",
     .value =
         [](Draft& d, const Written& w) {
           read_duration(w, kShortestWindowMs, d.config.limits.login_failures->per_ms, d.findings);
         }},
    {.path = "limits.login_failures.ban",
     .form = kDuration,
     .fallback = "15m",
     .doc = "How long the address may not connect. Sessions that have logged in stay.",
     .value =
         [](Draft& d, const Written& w) {
           read_duration(w, kShortestMs, d.config.limits.login_failures->ban_ms, d.findings);
         }},
    {.path = "limits.login_failures.delay",
     .form = kDuration,
     .fallback = "500ms",
     .doc = "How long the answer to the second failure waits; each further one twice as long as "
            "the one before. 0s: no delay.",
     .value =
         [](Draft& d, const Written& w) {
           read_duration(w, 0, d.config.limits.login_failures->delay_ms, d.findings);
         }},
    {.path = "limits.login_failures.longest_delay",
     .form = kDuration,
     .fallback = "8s",
     .doc = "But never longer than this; timeouts.login ends the wait, too.",
     .value =
         [](Draft& d, const Written& w) {
           read_duration(w, 0, d.config.limits.login_failures->longest_delay_ms, d.findings);
         }},
    {.path = "limits.login_failures.exempt",
     .shape = Shape::Scalars,
     .form = "list of up to 10000 networks",
     .sample = R"(["192.0.2.80"])",
     .doc = "Networks for which this does not hold: webmail, monitoring, a load balancer.",
     .least = 0,
     .most = kMaxNetworks,
     .value =
         [](Draft& d, const Written& w) {
           read_network(w, d.config.limits.login_failures->exempt, d.findings);
         }},
});

}  // namespace

std::span<const Row> listener_limit_rows() {
  return kListenerLimitRows;
}

std::span<const Row> limit_rows() {
  return kLimitRows;
}

}  // namespace postern::config
