#include "proxy/imap/violation.h"

#include "proxy/base/error_table.h"

namespace postern::imap {
namespace {

constexpr ErrorTable<Violation> kViolations({
    {Violation::LineTooLong, "line_too_long", "the client's line is too long"},
    {Violation::LiteralTooLong, "literal_too_long", "the client's literal is too long"},
    {Violation::BadLiteral, "bad_literal", "a literal's size makes no sense"},
    {Violation::TooManyRefusals, "too_many_refusals",
     "the client repeats commands that the gateway refuses"},
    {Violation::TooManyPending, "too_many_pending", "too many commands in flight before login"},
    {Violation::TalkSpent, "talk_spent", "the client says too much before it logs in"},
    {Violation::Unauthenticated, "unauthenticated",
     "the client did not wait for the answer to UNAUTHENTICATE"},
    {Violation::NotImap, "not_imap", "the server does not speak IMAP"},
    {Violation::BackendLineTooLong, "backend_line_too_long", "the server's line is too long"},
    {Violation::BackendBye, "backend_bye", "the server refused the connection with BYE"},
    {Violation::BackendPreauth, "backend_preauth", "the server's PREAUTH rules STARTTLS out"},
    {Violation::HeaderUnexpected, "proxy_header_unexpected",
     "the server does not expect the PROXY header that it was sent"},
    {Violation::StarttlsMissing, "starttls_missing", "the server does not offer STARTTLS"},
    {Violation::StarttlsRefused, "starttls_refused", "the server refused STARTTLS"},
    {Violation::StarttlsInjection, "starttls_injection",
     "bytes in clear after the server's OK to STARTTLS"},
    {Violation::TooManyBadCommands, "too_many_bad_commands", "too many bad commands"},
    {Violation::TlsOnCleartext, "tls_on_cleartext", "a TLS record where IMAP in clear is expected"},
    {Violation::HttpOnCleartext, "http_on_cleartext", "an HTTP request where IMAP is expected"},
});

constexpr ErrorTable<CommandRefusal> kRefusals({
    {CommandRefusal::Starttls, "starttls", "TLS is active already"},
    {CommandRefusal::Literal, "literal", "No literal is taken here before login"},
    {CommandRefusal::Malformed, "malformed", "Malformed command"},
    {CommandRefusal::Id, "id", "ID is malformed"},
    {CommandRefusal::Login, "login", "LOGIN takes a user name and a password"},
    {CommandRefusal::Authenticate, "authenticate",
     "AUTHENTICATE takes a mechanism and at most one response in base64"},
    {CommandRefusal::NotYet, "not_yet", "Log in first"},
    {CommandRefusal::TagInUse, "tag_in_use", "Tag is in use"},
});

}  // namespace

const ErrorDomain kImapDomain = {"imap", kViolations.rows()};

Error imap_error(Violation violation, const char* during) {
  return {&kImapDomain, during, static_cast<int32_t>(violation)};
}

const char* name_of(CommandRefusal refusal) {
  return kRefusals[refusal].label;
}

const char* text_of(CommandRefusal refusal) {
  return kRefusals[refusal].text;
}

}  // namespace postern::imap
