#include "proxy/imap/violation.h"

#include <array>
#include <iterator>
#include <string>

#include "proxy/base/check.h"

namespace postern::imap {
namespace {

struct Name {
  const char* label;
  const char* text;
};
constexpr Name kViolations[] = {
    {"line_too_long", "the client's line is too long"},
    {"literal_too_long", "the client's literal is too long"},
    {"bad_literal", "a literal's size makes no sense"},
    {"too_many_refusals", "the client repeats commands that the gateway refuses"},
    {"too_many_pending", "too many commands in flight before login"},
    {"talk_spent", "the client says too much before it logs in"},
    {"unauthenticated", "the client did not wait for the answer to UNAUTHENTICATE"},
    {"not_imap", "the server does not speak IMAP"},
    {"backend_line_too_long", "the server's line is too long"},
    {"backend_bye", "the server refused the connection with BYE"},
    {"backend_preauth", "the server's PREAUTH rules STARTTLS out"},
    {"starttls_missing", "the server does not offer STARTTLS"},
    {"starttls_refused", "the server refused STARTTLS"},
    {"starttls_injection", "bytes in clear after the server's OK to STARTTLS"},
    {"too_many_bad_commands", "too many bad commands"},
    {"tls_on_cleartext", "a TLS record where IMAP in clear is expected"},
    {"http_on_cleartext", "an HTTP request where IMAP is expected"},
};
static_assert(std::size(kViolations) == static_cast<size_t>(Violation::HttpOnCleartext) + 1);

constexpr std::array<Name, kRefusalCount> kRefusals = {{
    {"starttls", "TLS is active already"},
    {"literal", "No literal is taken here before login"},
    {"malformed", "Malformed command"},
    {"id", "ID is malformed"},
    {"login", "LOGIN takes a user name and a password"},
    {"authenticate", "AUTHENTICATE takes a mechanism and at most one response in base64"},
    {"not_yet", "Log in first"},
    {"tag_in_use", "Tag is in use"},
}};

constexpr auto kViolationLabels = [] {
  std::array<const char*, std::size(kViolations)> labels{};
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = kViolations[i].label;
  }
  return labels;
}();

const Name& name_of(int32_t code) {
  check(code >= 0 && static_cast<size_t>(code) < std::size(kViolations), "a violation is known");
  return kViolations[code];
}

}  // namespace

const ErrorDomain kImapDomain = {
    "imap",
    [](int32_t code) { return name_of(code).label; },
    [](int32_t code) { return std::string(name_of(code).text); },
    kViolationLabels,
};

Error imap_error(Violation violation, const char* during) {
  return {&kImapDomain, during, static_cast<int32_t>(violation)};
}

const char* refusal_label(Refusal refusal) {
  return kRefusals[static_cast<size_t>(refusal)].label;
}

const char* refusal_text(Refusal refusal) {
  return kRefusals[static_cast<size_t>(refusal)].text;
}

}  // namespace postern::imap
