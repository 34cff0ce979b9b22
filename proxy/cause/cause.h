// Cause: everything that can be wrong between a client and its server, and each way in which a
// session ends, once: its name, whose fault it is, what has happened and what to do. Log, metrics,
// `postern check --preflight`, `postern probe` and docs/troubleshooting.md take their words from
// this one table. The rooms keep enumerations of what they find; each value of those names its
// cause by a table Causes<E> (causes_of.h). Constants; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/names.h"

namespace postern {

enum class Cause : uint8_t {
  // ---- the client's hop: internal/client_causes.h
  ClientRejectsCertificate,
  ClientDoesNotKnowAuthority,
  ClientFindsCertificateExpired,
  ClientWantsStaple,
  ClientUnsupportedVersion,
  ClientNoSharedCipher,
  ClientNoSharedGroup,
  ClientNoSharedSignature,
  ClientRefusesParameters,
  ClientNoApplicationProtocol,
  ClientPlaintextImap,
  ClientPlaintextHttp,
  ClientNotTls,
  ClientTlsOnCleartext,
  ClientHttpOnCleartext,
  ClientNoCertificate,
  ClientCertificateUntrusted,
  ClientCertificateExpired,
  ClientCertificateRevoked,
  ClientRevocationUnknown,
  ClientBrokeOff,
  ClientLeftHandshake,
  ClientTlsViolation,
  ClientCommandTooLong,
  ClientTalksTooMuch,
  ClientViolation,
  HandshakeFailed,
  HandshakeTimeout,
  ProxyHeaderMissing,
  ProxyHeaderRefused,
  ProxyHeaderInvalid,
  ProxyHeaderTimeout,
  // ---- admission, logins and the ends of sessions: internal/session_causes.h
  LimitSessions,
  LimitAddress,
  LimitHandshakes,
  LimitListener,
  LimitRate,
  LimitMemory,
  LimitBackend,
  Denied,
  Banned,
  GaveWay,
  LoginTimeout,
  LoginFailed,
  LoginAbandoned,
  LoginMechanismUnsupported,
  LoginDenied,
  LoginExpired,
  LoginUnavailable,
  LoginDelayed,
  LookupUnavailable,
  LookupUnreachable,
  LookupNotSecured,
  LookupTimedOut,
  LookupServiceFailed,
  LookupInvalidAnswer,
  LookupAnswerTooLarge,
  LookupUnknownBackend,
  LookupTooManyQuestions,
  ClientLogout,
  ClientClosed,
  ClientFailed,
  IdleTimeout,
  BackendClosed,
  BackendFailed,
  BackendViolation,
  Drained,
  Aborted,
  Probe,
  TooManyOpenFiles,
  OutOfMemory,
  GatewayFailed,
  ReloadFailed,
  CertificatesNotReloaded,
  UserMapNotReloaded,
  CertificateExpired,
  CertificateNotYetValid,
  CertificateSelfSigned,
  CannotListen,
  // ---- the way to the server: internal/backend_causes.h
  BackendUnavailable,
  BackendConnectionRefused,
  BackendTimedOut,
  BackendUnreachable,
  BackendConnectionReset,
  BackendConnectionClosed,
  BackendGreetingTimeout,
  BackendSlow,
  BackendBye,
  BackendAddressLimit,
  BackendAuthPenalty,
  BackendNameNotFound,
  NameServerUnavailable,
  NameServerSilent,
  BackendOvertaken,
  BackendFull,
  BackendDrained,
  UserHeld,
  NoLocalPort,
  SourceNotAvailable,
  AddressNotAvailable,
  ConnectionNotPermitted,
  BackendNotImap,
  BackendSpeaksPop3,
  BackendSpeaksSmtp,
  BackendSpeaksHttp,
  BackendSpeaksTls,
  BackendSpeaksPlain,
  BackendProxyHeaderExpected,
  BackendProxyHeaderUnexpected,
  BackendPreauth,
  BackendPrivacyRequired,
  BackendStarttlsMissing,
  BackendStarttlsRefused,
  BackendStarttlsInjection,
  BackendUnsupportedVersion,
  BackendNoSharedParameters,
  BackendCertificateUntrusted,
  BackendCertificateSelfSigned,
  BackendCertificateExpired,
  BackendCertificateNotYetValid,
  BackendCertificateNameMismatch,
  BackendCertificatePinMismatch,
  BackendWantsCertificate,
  BackendBrokeOff,
  BackendTlsViolation,
  // ---- a server as `postern probe` sees it: internal/probe_causes.h
  ServerNameNotFound,
  ServerRefused,
  ServerFiltered,
  ServerSilent,
  ServerHangsUp,
  ServerSpeaksTls,
  ServerSpeaksClear,
  ServerSpeaksOther,
  ServerLacksTlsPort,
  ServerLacksStarttls,
  ServerTakesPasswordsInClear,
  ServerLogsInUnasked,
  ServerRunsInjectedCommands,
  ServerLoginDisabled,
  ServerMailboxFails,
  ServerTlsTooOld,
  ServerTakesOldTls,
  ServerLacksTls13,
  ServerLacksPostQuantum,
  ServerLacksForwardSecrecy,
  ServerRefusesLargeHello,
  ServerCertificateUntrusted,
  ServerChainIncomplete,
  ServerCertificateExpired,
  ServerCertificateNotYetValid,
  ServerCertificateNameMismatch,
  ServerCertificateEndsSoon,
  ServerKeyWeak,
  ServerStapleMissing,
  ServerStapleOutdated,
  ServerSlow,
};

// Whose fault it is, as far as can be seen: where to begin.
enum class Party : uint8_t { Client, Gateway, Backend, Network, Operator };
inline constexpr Names<Party> kPartyNames{"client", "gateway", "backend", "network", "operator"};
constexpr const char* name_of(Party party) {
  return kPartyNames[party];
}

// What a user or an operator sees of it first: the headings of docs/troubleshooting.md.
enum class Symptom : uint8_t {
  CertificateNotTrusted,
  TlsFails,
  BehindALoadBalancer,
  Refused,
  Unavailable,
  WrongService,
  BackendTls,
  LoginsFail,
  LoginsAreSlow,
  OnlyTheFirstFew,
  SessionsEnd,
  Shortage,
  DoesNotStart,
  ChangeNotInForce,
  ServerProbed,
  NothingWrong,
};

struct CauseRow {
  Cause cause;
  const char* name;  // "backend_not_imap": stable, also its anchor in docs/troubleshooting.md
  Party at_fault;
  Symptom symptom;
  const char* explanation;  // sentences, in Markdown's code spans
  const char* fix;
};

const CauseRow& describe(Cause cause);
inline const char* name_of(Cause cause) {
  return describe(cause).name;
}

// What to do about it at a server that greets so; the row's `fix` if nothing special is known.
const char* fix_for(Cause cause, std::string_view greeting);

// The generated part of docs/troubleshooting.md.
std::string causes_markdown();

}  // namespace postern
