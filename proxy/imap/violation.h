// Violation: the protocol faults that this room can find. Each ends the session, or the attempt to
// reach a server. CommandRefusal: why the gateway answers a client's command BAD; the session
// continues. Bounded sets, so that each can be a metric label.
#pragma once

#include <cstdint>

#include "proxy/base/error.h"

namespace postern::imap {

// As Error codes of kImapDomain.
enum class Violation : int32_t {
  LineTooLong,         // client, before login
  LiteralTooLong,      // client, before login
  BadLiteral,          // a size beyond 2^63 - 1
  TooManyRefusals,     // client, before login: too many commands that the gateway refuses
  TooManyPending,      // client, before login: more pipelined commands than any client needs
  TalkSpent,           // client, before login: all that it may say is said (talk_budget.h)
  Unauthenticated,     // client: bytes after an UNAUTHENTICATE that the gateway could not follow
  NotImap,             // the server's first line is no IMAP greeting
  BackendLineTooLong,  // capability data or a greeting beyond the limit
  BackendBye,          // the server greets with BYE
  BackendPreauth,      // PREAUTH on a hop that must be upgraded (RFC 9051 §7.1.4)
  HeaderUnexpected,    // the server takes our PROXY header for something else
  StarttlsMissing,     // the server does not offer STARTTLS
  StarttlsRefused,     // NO or BAD to STARTTLS
  StarttlsInjection,   // bytes after the OK to STARTTLS and before the handshake
  TooManyBadCommands,  // on the cleartext front
  TlsOnCleartext,      // a TLS record in place of cleartext IMAP: a wrong port or mode
  HttpOnCleartext,     // an HTTP request in place of cleartext IMAP
};
extern const ErrorDomain kImapDomain;
Error imap_error(Violation violation, const char* during);

enum class CommandRefusal : uint8_t {
  Starttls,   // TLS is active already (RFC 9051 §6.2.1)
  Literal,    // only LOGIN and ID may have one before login
  Malformed,  // servers may read it in more than one way
  Id,
  Login,
  Authenticate,
  NotYet,    // COMPRESS and IDLE, which need a login
  TagInUse,  // the login's answer could not be identified
};
const char* name_of(CommandRefusal refusal);  // "starttls", "literal", …
const char* text_of(CommandRefusal refusal);  // the text after BAD

}  // namespace postern::imap
