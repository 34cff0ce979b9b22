// The table's rows that decide which clients are refused: limits and lists of networks.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

constexpr uint64_t kMaxSessions = 10'000'000;
constexpr uint64_t kMaxRate = 1'000'000;
constexpr uint64_t kMaxFailures = 200;  // LoginGuard can count these
constexpr uint64_t kShortestWindowMs = 1'000;
constexpr uint64_t kLeastMemory = 32 * kMiB;
constexpr uint64_t kLeastCommand = 8 * kKiB;
constexpr uint64_t kFewestCommands = 20;
constexpr uint64_t kMostCommands = 100'000;
constexpr size_t kMaxNetworks = 10'000;

constexpr auto kListenerLimitRows = std::to_array<Row>({
    {.path = "listeners[].sessions",
     .syntax = "1 to 10000000",
     .example = "50000",
     .doc = "Sessions of this listener at one time, in addition to limits.sessions. A reload "
            "changes it.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxSessions, d.listeners.back().sessions, d.diagnostics);
         }},
});

constexpr auto kLimitRows = std::to_array<Row>({
    {.path = "limits",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "What the process takes on. When sessions, listeners[].sessions or "
            "handshakes_in_flight are all in use, a newcomer gets the place of a session that has "
            "not logged in (end reason gave_way); it is refused only if there is none. The other "
            "limits refuse the newcomer: on 143 with a `* BYE`, on 993 by a close before TLS, "
            "which costs nothing. The limits of handshakes always close."},
    {.path = "limits.sessions",
     .syntax = "1 to 10000000",
     .doc = "Sessions at one time.",
     .show = [](Draft& d) { return show_number(d.config.limits.sessions); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.sessions, d.diagnostics);
         }},
    {.path = "limits.sessions_per_address",
     .syntax = "1 to 10000000",
     .doc = "Sessions at one time of one IPv4 address or one IPv6 /64.",
     .show = [](Draft& d) { return show_number(d.config.limits.sessions_per_address); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.sessions_per_address, d.diagnostics);
         }},
    {.path = "limits.handshakes_in_flight",
     .syntax = "1 to 10000000",
     .doc = "TLS handshakes at one time, which cost the most processor time.",
     .show = [](Draft& d) { return show_number(d.config.limits.handshakes_in_flight); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.handshakes_in_flight, d.diagnostics);
         }},
    {.path = "limits.handshakes_per_address",
     .syntax = "1 to 10000000",
     .doc = "Those of one IPv4 address or one IPv6 /64, so that no client can take all of them by "
            "never ending its own.",
     .show = [](Draft& d) { return show_number(d.config.limits.handshakes_per_address); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxSessions, d.config.limits.handshakes_per_address, d.diagnostics);
         }},
    {.path = "limits.memory",
     .syntax = "size: 512MiB, 4GiB",
     .example = "4GiB",
     .doc = "The memory that the process may use in all, from 32MiB. From three quarters of it on, "
            "nothing more is read for a client or server that does not take the bytes waiting for "
            "it; from seven eighths on, a newcomer gets the place of a session with 4KiB or more "
            "of an "
            "unfinished command, or is refused; at the limit, sessions that would need more are "
            "ended. Without this key each session is bounded, and unfinished commands before login "
            "have 256MiB in all.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_size(w, kLeastMemory, d.config.limits.memory, d.diagnostics);
         }},
    {.path = "limits.command_before_login",
     .syntax = "size: 512MiB, 4GiB",
     .doc =
         "The longest command, with its literals, or response to a SASL challenge before login, "
         "from 8KiB. The gateway reads it as a whole before it sends it on. A Kerberos ticket of "
         "64KiB takes 86KiB.",
     .show = [](Draft& d) { return show_size(d.config.limits.command_before_login); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_size(w, kLeastCommand, d.config.limits.command_before_login, d.diagnostics);
         }},
    {.path = "limits.commands_before_login",
     .syntax = "20 to 100000",
     .doc = "How many commands and responses to SASL challenges a client may send in one session "
            "before it has logged in; the next one ends the session. Its bytes are bounded in the "
            "same way, by twice limits.command_before_login and 64KiB.",
     .show = [](Draft& d) { return show_number(d.config.limits.commands_before_login); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, kFewestCommands, kMostCommands, d.config.limits.commands_before_login,
                       d.diagnostics);
         }},
    {.path = "limits.connections_per_address",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "How often one IPv4 address or one IPv6 /64 may connect. Without this key there is no "
            "limit."},
    {.path = "limits.connections_per_address.max",
     .required = true,
     .syntax = "1 to 1000000",
     .example = "120",
     .doc = "How many in a burst, and then one more every per / max: with 120 per 1m, every 0.5 s.",
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxRate, d.config.limits.connections_per_address.max, d.diagnostics);
         }},
    {.path = "limits.connections_per_address.per",
     .syntax = kDuration,
     .doc = "The time in which an address may connect max times.",
     .show = [](Draft& d) { return show_duration(d.config.limits.connections_per_address.per_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, d.config.limits.connections_per_address.per_ms,
                         d.diagnostics);
         }},
    {.path = "limits.allow",
     .shape = Shape::Scalars,
     .syntax = "list of 1 to 10000 networks",
     .example = R"(["0.0.0.0/0", "::/0"])",
     .doc = "Only clients of these networks may connect. Without this key all may.",
     .max_items = kMaxNetworks,
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_network(w, d.config.limits.allow, d.diagnostics);
         }},
    {.path = "limits.deny",
     .shape = Shape::Scalars,
     .syntax = "list of up to 10000 networks",
     .example = R"(["192.0.2.0/24", "2001:db8::/32"])",
     .doc = "Clients of these networks may not connect, whatever limits.allow says.",
     .min_items = 0,
     .max_items = kMaxNetworks,
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_network(w, d.config.limits.deny, d.diagnostics);
         }},
    {.path = "limits.login_failures",
     .shape = Shape::Map,
     .syntax = "map",
     .doc = "What happens to one IPv4 address or one IPv6 /64 whose logins the backend refuses, or "
            "which hangs up on them. Refusals for another reason than the secret do not count "
            "(results other than failure and abandoned in postern_logins_total); a success "
            "forgives the same user's failures from that address. Without this key nothing is "
            "counted; {} takes the defaults.",
     .on_begin = [](Draft& d, const SourceValue&) { d.config.limits.login_failures.emplace(); }},
    {.path = "limits.login_failures.max",
     .syntax = "1 to 200",
     .doc = "How many failures within `per` ban the address. It may have at most as many logins at "
            "the backend at one time as it has failures left; further ones wait for their turn.",
     .show = [](Draft& d) { return show_number(d.config.limits.login_failures->max); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_number(w, 1, kMaxFailures, d.config.limits.login_failures->max, d.diagnostics);
         }},
    {.path = "limits.login_failures.per",
     .syntax = kDuration,
     .doc = "The time in which failures are counted, from 1s.",
     .show = [](Draft& d) { return show_duration(d.config.limits.login_failures->per_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestWindowMs, d.config.limits.login_failures->per_ms,
                         d.diagnostics);
         }},
    {.path = "limits.login_failures.ban",
     .syntax = kDuration,
     .doc = "How long the address may not connect. Sessions that have logged in stay.",
     .show = [](Draft& d) { return show_duration(d.config.limits.login_failures->ban_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, kShortestMs, d.config.limits.login_failures->ban_ms, d.diagnostics);
         }},
    {.path = "limits.login_failures.delay",
     .syntax = kDuration,
     .doc = "How long the answer to the second failure waits; each further one waits twice as long "
            "as the one before. 0s: no delay.",
     .show = [](Draft& d) { return show_duration(d.config.limits.login_failures->delay_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.config.limits.login_failures->delay_ms, d.diagnostics);
         }},
    {.path = "limits.login_failures.longest_delay",
     .syntax = kDuration,
     .doc = "The longest that an answer waits; timeouts.login ends the wait, too.",
     .show =
         [](Draft& d) { return show_duration(d.config.limits.login_failures->longest_delay_ms); },
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_duration(w, 0, d.config.limits.login_failures->longest_delay_ms, d.diagnostics);
         }},
    {.path = "limits.login_failures.exempt",
     .shape = Shape::Scalars,
     .syntax = "list of up to 10000 networks",
     .example = R"(["192.0.2.80"])",
     .doc =
         "Networks to which login_failures does not apply: webmail, monitoring, a load balancer.",
     .min_items = 0,
     .max_items = kMaxNetworks,
     .on_value =
         [](Draft& d, const SourceValue& w) {
           read_network(w, d.config.limits.login_failures->exempt, d.diagnostics);
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
