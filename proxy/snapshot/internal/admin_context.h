// The TLS of the admin endpoint: one certificate, the policy of the listeners, no ALPN of its own.
#pragma once

#include <memory>

#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "tls/context.h"
#include "tls/ticket_keys.h"

namespace postern {

// For the main thread. Null without admin.tls, or without `tickets`, which then have a fault.
Result<std::shared_ptr<const tls::ServerContext>> make_admin_context(
    const Config& config, std::shared_ptr<const tls::TicketKeys> tickets);

}  // namespace postern
