// Why the service that `users.lookup` names has given no usable answer. Values; any thread.
#pragma once

#include <cstdint>

#include "proxy/base/error.h"
#include "proxy/cause/cause.h"

namespace postern {

// As Error codes of kLookupDomain.
enum class LookupFailure : int32_t {
  Unreachable,      // no connection to the service, or it broke off
  NotSecured,       // TLS to the service failed
  TimedOut,         // no answer within `timeout`
  ServiceFailed,    // it answers that it cannot answer now
  InvalidAnswer,    // what it says is no HTTP, or lacks Auth-Status
  AnswerTooLarge,   // more header or body than any answer needs
  UnknownBackend,   // it names a backend or a server that the configuration does not have
  TooManyQuestions  // as many names wait for an answer as may
};
extern const ErrorDomain kLookupDomain;
Error lookup_error(LookupFailure failure);

// Of an error of kLookupDomain.
Cause cause_of_lookup(const Error& error);

}  // namespace postern
