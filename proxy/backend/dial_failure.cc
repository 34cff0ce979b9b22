#include "proxy/backend/dial_failure.h"

#include "proxy/base/error_table.h"

namespace postern {
namespace {

constexpr ErrorTable<DialFailure> kFailures({
    {DialFailure::GreetingTimeout, "greeting_timeout", "connected, but no whole greeting came"},
    {DialFailure::Overtaken, "overtaken", "another server or address has greeted first"},
});

}  // namespace

const ErrorDomain kDialDomain = {"dial", kFailures.rows()};

Error dial_error(DialFailure failure, const char* during) {
  return {&kDialDomain, during, static_cast<int32_t>(failure)};
}

}  // namespace postern
