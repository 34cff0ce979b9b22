// The identifiers of all metrics and of their labels. catalog.h describes each metric.
#pragma once

#include <array>
#include <cstdint>

#include "proxy/base/names.h"

namespace postern::metrics {

enum class Label : uint8_t {
  None,
  Listener,      // the listener's address as configured
  EndReason,     // why a session ended
  Version,       // TLS version
  Cipher,        // IANA name
  Group,         // key exchange group
  Resumed,       // "no", "yes"
  ProxyHeader,   // what a PROXY header was, or what was wrong with it
  TlsFailure,    // why a handshake failed
  ShadowReason,  // why the shadow policy would have refused a handshake
  Hop,           // "client", "backend"
  Direction,     // "in", "out", seen from postern
  Mechanism,     // how a client logged in
  LoginResult,
  LookupResult,  // of a question where a user is
  Backend,       // its key in `backends`
  Server,        // HOST:PORT as configured; always after Backend, see dimensions()
  ConnectResult,
  Result,  // "success", "error"
  AcceptFailure,
  Violation,       // of IMAP, by either side
  CommandRefusal,  // why the gateway answered a client's command BAD
  Command,         // of IMAP: known names, else "other"
  CommandResult,
  Path,    // of the admin endpoint
  Code,    // HTTP status
  Worker,  // its number, from 0
  // The ones below only occur on samples given at scrape time, so they have no set of their own.
  Certificate,  // file name of the chain as configured
  KeyType,
  BuildVersion,
  Revision,
  BoringSslCommit,
  BoringSslDate,
  Tls,     // backend hop: "none", "starttls", "implicit"
  Verify,  // backend hop: "none", "verify"
  State,   // of a backend server
  Cause,   // of a failure
};
// As exported; "" for None.
inline constexpr Names<Label> kLabelNames({
    {Label::None, ""},
    {Label::Listener, "listener"},
    {Label::EndReason, "end_reason"},
    {Label::Version, "version"},
    {Label::Cipher, "cipher"},
    {Label::Group, "group"},
    {Label::Resumed, "resumed"},
    {Label::ProxyHeader, "result"},
    {Label::TlsFailure, "reason"},
    {Label::ShadowReason, "reason"},
    {Label::Hop, "hop"},
    {Label::Direction, "direction"},
    {Label::Mechanism, "mechanism"},
    {Label::LoginResult, "result"},
    {Label::LookupResult, "result"},
    {Label::Backend, "backend"},
    {Label::Server, "server"},
    {Label::ConnectResult, "result"},
    {Label::Result, "result"},
    {Label::AcceptFailure, "reason"},
    {Label::Violation, "reason"},
    {Label::CommandRefusal, "reason"},
    {Label::Command, "command"},
    {Label::CommandResult, "result"},
    {Label::Path, "path"},
    {Label::Code, "code"},
    {Label::Worker, "worker"},
    {Label::Certificate, "certificate"},
    {Label::KeyType, "key_type"},
    {Label::BuildVersion, "version"},
    {Label::Revision, "revision"},
    {Label::BoringSslCommit, "boringssl_commit"},
    {Label::BoringSslDate, "boringssl_date"},
    {Label::Tls, "tls"},
    {Label::Verify, "verify"},
    {Label::State, "state"},
    {Label::Cause, "cause"},
});
constexpr const char* name_of(Label label) {
  return kLabelNames[label];
}

enum class Metric : uint8_t {
  SessionsTotal,
  SessionsActive,
  SessionsAuthenticated,
  SessionsIdle,
  SessionsOpaque,
  AcceptFailures,
  ProxyHeaders,
  Handshakes,
  HandshakeFailures,
  HandshakesInFlight,
  HandshakeDuration,
  ShadowRefusals,
  Logins,
  LoginDuration,
  LoginFailuresCounted,
  LoginFailureDelay,
  LoginBans,
  BansActive,
  LoginGuardEntries,
  UserLookups,
  UserLookupDuration,
  CleartextLoginsRefused,
  StarttlsRefused,
  CommandsRefused,
  IdFieldsDropped,
  Commands,
  CommandDuration,
  Violations,
  Failures,
  Bytes,
  ReadPauses,
  WaitingBytes,
  MemoryLimit,
  MemoryShortages,
  BackendConnects,
  BackendConnectDuration,
  BackendProbes,
  BackendSessions,
  BackendSessionsLimit,
  BackendServerState,
  BackendHandshakes,
  BackendIdentityRefusals,
  BackendInfo,
  BackendCertificateNotAfter,
  BackendCertificateNotBefore,
  CertificateNotAfter,
  CertificateNotBefore,
  CertificateChainNotAfter,
  CertificateRenewalOverdueRatio,
  CertificateAlarmRatio,
  CertificateOcspNextUpdate,
  CertificateReloads,
  CertificateReloadSuccessful,
  CertificateReloadTime,
  ConfigReloads,
  ConfigReloadSuccessful,
  ConfigReloadTime,
  UserMapUsers,
  UserMapReloadSuccessful,
  UserMapReadTime,
  SessionsLimit,
  PeerDescriptorsLimit,
  Workers,
  LoopLag,
  Ready,
  AdminRequests,
  LogLinesLost,
  BuildInfo,
  ProcessCpuSeconds,
  ProcessResidentMemory,
  ProcessVirtualMemory,
  ProcessOpenFds,
  ProcessMaxFds,
  ProcessStartTime,
};

// The values of Label::Hop, Label::Direction and Label::Result.
enum class Hop : uint8_t { Client, Backend };
enum class Direction : uint8_t { In, Out };
enum class Outcome : uint8_t { Success, Error };
inline constexpr Names<Hop> kHopNames{"client", "backend"};
inline constexpr Names<Direction> kDirectionNames{"in", "out"};
inline constexpr Names<Outcome> kOutcomeNames{"success", "error"};
constexpr const char* name_of(Hop hop) {
  return kHopNames[hop];
}
constexpr const char* name_of(Direction direction) {
  return kDirectionNames[direction];
}
constexpr const char* name_of(Outcome outcome) {
  return kOutcomeNames[outcome];
}

// What the admin endpoint is asked for, and what it answers: the values of Label::Path and
// Label::Code.
enum class AdminPath : uint8_t {
  Metrics,
  Live,
  Ready,
  Status,
  StatusJson,
  Index,
  // Actions, for the holder of a token: from here to Reload.
  Drain,
  Undrain,
  EndSessions,
  Bans,
  Ban,
  Unban,
  LogLevel,
  Reload,
  Other,
};
inline constexpr Names<AdminPath> kAdminPathNames({
    {AdminPath::Metrics, "/metrics"},
    {AdminPath::Live, "/live"},
    {AdminPath::Ready, "/ready"},
    {AdminPath::Status, "/status"},
    {AdminPath::StatusJson, "/status.json"},
    {AdminPath::Index, "/"},
    {AdminPath::Drain, "/v1/drain"},
    {AdminPath::Undrain, "/v1/undrain"},
    {AdminPath::EndSessions, "/v1/end-sessions"},
    {AdminPath::Bans, "/v1/bans"},
    {AdminPath::Ban, "/v1/ban"},
    {AdminPath::Unban, "/v1/unban"},
    {AdminPath::LogLevel, "/v1/log-level"},
    {AdminPath::Reload, "/v1/reload"},
    {AdminPath::Other, "other"},
});
constexpr const char* name_of(AdminPath path) {
  return kAdminPathNames[path];
}
enum class HttpStatus : uint8_t {
  Ok,
  BadRequest,
  Unauthorized,
  Forbidden,
  NotFound,
  MethodNotAllowed,
  Conflict,
  ContentTooLarge,
  UriTooLong,
  ExpectationFailed,
  HeadTooLarge,
  ServiceUnavailable,
  VersionNotSupported,
};
inline constexpr Names<HttpStatus> kHttpStatusNames{"200", "400", "401", "403", "404", "405", "409",
                                                    "413", "414", "417", "431", "503", "505"};
constexpr const char* name_of(HttpStatus status) {
  return kHttpStatusNames[status];
}

enum class Type : uint8_t { Counter, Gauge, Histogram };
inline constexpr Names<Type> kTypeNames{"counter", "gauge", "histogram"};
constexpr const char* name_of(Type type) {
  return kTypeNames[type];
}

// Upper bounds of a histogram's buckets, in microseconds; exported in seconds.
enum class Buckets : uint8_t {
  Fine,    // 100 us … 60 s
  Coarse,  // 5 ms … 10 s, for what the clock of a loop's turn measures
};

struct Descriptor {
  Metric id;
  Type type;
  const char* name;
  const char* help;
  std::array<Label, 4> labels;      // as exported; None ends the list
  bool sampled = false;             // true: given at scrape time, not counted by workers
  Buckets buckets = Buckets::Fine;  // of a histogram
};

}  // namespace postern::metrics
