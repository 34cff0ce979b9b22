#include "proxy/lookup/lookup_failure.h"

#include "proxy/base/error_table.h"
#include "proxy/cause/causes_of.h"

namespace postern {
namespace {

constexpr ErrorTable<LookupFailure> kFailures({
    {LookupFailure::Unreachable, "unreachable", "the service cannot be reached"},
    {LookupFailure::NotSecured, "not_secured", "TLS to the service failed"},
    {LookupFailure::TimedOut, "timed_out", "the service has not answered in time"},
    {LookupFailure::ServiceFailed, "service_failed", "the service says that it cannot answer"},
    {LookupFailure::InvalidAnswer, "invalid_answer", "the answer is none that postern knows"},
    {LookupFailure::AnswerTooLarge, "answer_too_large", "the answer is too large"},
    {LookupFailure::UnknownBackend, "unknown_backend",
     "the answer names no backend of the configuration"},
    {LookupFailure::TooManyQuestions, "too_many_questions",
     "too many names wait for an answer of the service"},
});

constexpr Causes<LookupFailure> kCauses({
    {LookupFailure::Unreachable, Cause::LookupUnreachable},
    {LookupFailure::NotSecured, Cause::LookupNotSecured},
    {LookupFailure::TimedOut, Cause::LookupTimedOut},
    {LookupFailure::ServiceFailed, Cause::LookupServiceFailed},
    {LookupFailure::InvalidAnswer, Cause::LookupInvalidAnswer},
    {LookupFailure::AnswerTooLarge, Cause::LookupAnswerTooLarge},
    {LookupFailure::UnknownBackend, Cause::LookupUnknownBackend},
    {LookupFailure::TooManyQuestions, Cause::LookupTooManyQuestions},
});

}  // namespace

const ErrorDomain kLookupDomain = {"lookup", kFailures.rows()};

Error lookup_error(LookupFailure failure) {
  return {&kLookupDomain, "asking where the user is", static_cast<int32_t>(failure)};
}

Cause cause_of_lookup(const Error& error) {
  return kCauses[static_cast<LookupFailure>(error.code)];
}

}  // namespace postern
