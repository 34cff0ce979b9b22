#include "proxy/backend/dial_failure.h"

#include "proxy/base/error_table.h"
#include "proxy/imap/violation.h"
#include "proxy/net/failure.h"

namespace postern {
namespace {

constexpr ErrorTable<DialFailure> kFailures({
    {DialFailure::GreetingTimeout, "greeting_timeout", "connected, but no whole greeting came"},
    {DialFailure::Overtaken, "overtaken", "another server or address has greeted first"},
    {DialFailure::ServerFull, "server_full", "the server has as many sessions as it may have"},
    {DialFailure::NoServer, "no_server", "each server of the backend drains"},
    {DialFailure::UserHeld, "user_held", "users.map says that the user is unavailable"},
    {DialFailure::NoLocalPort, "no_local_port", "all local ports toward the server are in use"},
    {DialFailure::NoSource, "source_not_available", "the source is no address of this machine"},
    {DialFailure::NameServerSilent, "name_server_silent",
     "the name servers have not answered in time"},
});

}  // namespace

const ErrorDomain kDialDomain = {"dial", kFailures.rows()};

Error dial_error(DialFailure failure, const char* during) {
  return {&kDialDomain, during, static_cast<int32_t>(failure)};
}

namespace {

bool is(const Error& error, DialFailure failure) {
  return error.domain == &kDialDomain && error.code == static_cast<int32_t>(failure);
}

}  // namespace

bool is_own(const Error& error) {
  return net::is_shortage(error) || is(error, DialFailure::NoLocalPort) ||
         is(error, DialFailure::NoSource);
}

bool is_unexpected_header(const Error& error) {
  return error.domain == &imap::kImapDomain &&
         error.code == static_cast<int32_t>(imap::Violation::HeaderUnexpected);
}

bool is_full(const Error& error) {
  return is(error, DialFailure::ServerFull);
}

}  // namespace postern
