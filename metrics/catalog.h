// The catalogue: every metric once, with type, name, help and labels. This is exported surface:
// dashboards and alert rules depend on it, a change here is a change of interface and stands in
// CHANGELOG.md. docs/metrics.md is generated from it. Label values are bounded by construction:
// each label's set is known when the process starts, or grows by configuration only up to a limit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

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
  ShadowReason,  // why the shadow policy would have refused one
  Hop,           // "client", "backend"
  Direction,     // "in", "out", seen from postern
  Mechanism,     // how a client logged in
  LoginResult,
  Backend,  // pool name as configured
  Server,   // HOST:PORT as configured; always behind Backend, see dimensions()
  ConnectResult,
  Result,  // "success", "error"
  AcceptFailure,
  Violation,  // of IMAP, by either side
  Refusal,    // why a command of a client was answered BAD here
  Path,       // of the admin endpoint: known paths, else "other"
  Code,       // HTTP status
  // The ones below only occur on samples given at scrape time, so they have no set of their own.
  Certificate,  // file name of the chain as configured
  KeyType,
  BuildVersion,
  Revision,
  Tls,     // backend hop: "none", "starttls", "implicit"
  Verify,  // backend hop: "none", "verify"
};
inline constexpr size_t kLabelCount = 29;

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
  LoginGuardEntries,
  CleartextLoginsRefused,
  StarttlsRefused,
  CommandsRefused,
  IdFieldsDropped,
  Violations,
  Bytes,
  ReadPauses,
  WaitingBytes,
  MemoryLimit,
  MemoryShortages,
  BackendConnects,
  BackendConnectDuration,
  BackendSessions,
  BackendHandshakes,
  BackendIdentityRefusals,
  BackendInfo,
  BackendCertificateNotAfter,
  CertificateNotAfter,
  CertificateOcspNextUpdate,
  CertificateReloads,
  ConfigReloads,
  ConfigReloadSuccessful,
  ConfigReloadTime,
  SessionsLimit,
  Workers,
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
inline constexpr size_t kMetricCount = 53;

enum class Type : uint8_t { Counter, Gauge, Histogram };

struct Descriptor {
  Metric id;
  Type type;
  const char* name;
  const char* help;
  std::array<Label, 4> labels;  // as exported; None ends the list
  bool sampled = false;         // true: given at scrape time, not counted by workers
};

std::span<const Descriptor> catalog();  // in the order of Metric
const Descriptor& descriptor(Metric metric);
const char* label_name(Label label);  // "end_reason"; "" for None

// The labels by whose indices a metric is counted: those exported, but Backend only where no Server
// follows. A server belongs to one backend, so its index stands for both.
std::array<Label, 4> dimensions(Metric metric);

// Upper bounds of all histograms, in microseconds: 100 us … 60 s; exported in seconds.
std::span<const uint64_t> bucket_bounds_us();

// The catalogue as a Markdown table, for docs/metrics.md.
std::string catalog_markdown();

}  // namespace postern::metrics
