// The cause of a session's end: what lies behind its EndReason. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/base/error.h"
#include "proxy/cause/cause.h"
#include "proxy/relay/end_reason.h"
#include "tls/certificate_store.h"
#include "tls/failure.h"

namespace postern {

// `alert` is the one by which the client broke TLS off, if it did.
Cause cause_of_end(EndReason reason, const Error& error, std::optional<uint8_t> alert);

// Of a failed handshake with a client.
Cause cause_of_handshake(tls::Failure failure, std::optional<uint8_t> alert);

// What is wrong with the certificate that a client has rejected, as far as it can be seen here.
std::optional<Cause> fault_of(const tls::CertificateStore::Description& served, int64_t now_s);

}  // namespace postern
