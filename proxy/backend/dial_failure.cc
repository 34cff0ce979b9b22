#include "proxy/backend/dial_failure.h"

#include "proxy/base/error_table.h"

namespace postern {
namespace {

constexpr ErrorTable<DialFailure> kFailures({
    {DialFailure::GreetingTimeout, "greeting_timeout", "connected, but no whole greeting came"},
    {DialFailure::Overtaken, "overtaken", "another server or address has greeted first"},
    {DialFailure::ServerFull, "server_full", "the server has as many sessions as it may have"},
    {DialFailure::NoServer, "no_server", "each server of the backend drains"},
});

}  // namespace

const ErrorDomain kDialDomain = {"dial", kFailures.rows()};

Error dial_error(DialFailure failure, const char* during) {
  return {&kDialDomain, during, static_cast<int32_t>(failure)};
}

bool is_full(const Error& error) {
  return error.domain == &kDialDomain &&
         error.code == static_cast<int32_t>(DialFailure::ServerFull);
}

}  // namespace postern
