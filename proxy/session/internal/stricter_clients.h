// Whether a client that has come in could come in by a stricter TLS policy, for the status page.
// Loop's thread only.
#pragma once

#include "proxy/session/context.h"
#include "tls/engine.h"

namespace postern {

// The handshake has succeeded; `engine` is the client's. Expected probes are left out.
void note_stricter_tls(const SessionContext& session, const tls::Handshake& handshake,
                       const tls::Engine& engine);

}  // namespace postern
