// Violation: the protocol faults that this room can find. Each ends the session, or the attempt to
// reach a server. Refusal: why a client's command is answered BAD here; the session goes on.
// Bounded sets, so that each can be a metric label.
#pragma once

#include <cstdint>

#include "proxy/base/error.h"

namespace postern::imap {

// As Error codes of kImapDomain.
enum class Violation : int32_t {
  LineTooLong,      // client, before login
  LiteralTooLong,   // client, before login
  BadLiteral,       // a size beyond 2^63 - 1
  TooManyRefusals,  // commands that are refused here, over and over
  TooManyPending,   // client, before login: more pipelined commands than anyone needs
  Unauthenticated,  // client: an UNAUTHENTICATE that the gateway could not follow, and more after
                    // it
  NotImap,          // the server's first line is no IMAP greeting
  BackendLineTooLong,  // capability data or a greeting beyond the limit
  BackendBye,          // the server greets with BYE
  BackendPreauth,      // PREAUTH on a hop that must be upgraded (RFC 9051 §7.1.4)
  StarttlsMissing,     // the server does not offer STARTTLS
  StarttlsRefused,     // NO or BAD to STARTTLS
  StarttlsInjection,   // bytes after the OK to STARTTLS and before the handshake
  TooManyBadCommands,  // on the cleartext front
  TlsOnCleartext,   // a TLS record where IMAP in clear is spoken: the client has the wrong port or
                    // mode
  HttpOnCleartext,  // an HTTP request there
};
extern const ErrorDomain kImapDomain;
Error imap_error(Violation violation, const char* during);

enum class Refusal : uint8_t {
  Starttls,   // TLS is active already (RFC 9051 §6.2.1)
  Literal,    // only LOGIN and ID may have one before login
  Malformed,  // servers could read it in more than one way
  Id,
  Login,
  Authenticate,
  NotYet,    // COMPRESS and IDLE, which need a login
  TagInUse,  // it would not be clear which answer is the login's
};
inline constexpr int kRefusalCount = 8;
const char* refusal_label(Refusal refusal);  // "starttls", "literal", …
const char* refusal_text(Refusal refusal);   // what the client reads behind BAD

}  // namespace postern::imap
