// Failures of dialling that are neither the network's nor a protocol's. Values; any thread.
#pragma once

#include <cstdint>

#include "proxy/base/error.h"

namespace postern {

// As Error codes of kDialDomain.
enum class DialFailure : int32_t {
  GreetingTimeout,   // the connection stands, but the server has not greeted in its time
  Overtaken,         // another address, tried later or beside it, has greeted first
  ServerFull,        // the server has its max_sessions
  NoServer,          // each server of the backend drains
  UserHeld,          // the map of users leads the user to none
  NoLocalPort,       // all ports from our addresses to the server's are in use
  NoSource,          // what `source` names is no address of this machine
  NameServerSilent,  // no answer to the question for the server's address in time
};
extern const ErrorDomain kDialDomain;
Error dial_error(DialFailure failure, const char* during);
// Whether a failure says nothing about the server: this machine has run out of something.
bool is_own(const Error& error);
// Whether the server has taken our PROXY header for something else.
bool is_unexpected_header(const Error& error);
// Whether no server could be tried because those that take sessions are full.
bool is_full(const Error& error);

}  // namespace postern
