#include "proxy/snapshot/internal/admin_context.h"

#include <utility>

#include "tls/certificate_store.h"

namespace postern {

Result<std::shared_ptr<const tls::ServerContext>> make_admin_context(
    const Config& config, std::shared_ptr<const tls::TicketKeys> tickets) {
  if (!config.admin_tls || tickets == nullptr) {
    return std::shared_ptr<const tls::ServerContext>();
  }
  auto certificate = tls::CertificateStore::load({*config.admin_tls});
  if (!certificate) {
    return certificate.faults();
  }
  auto context = tls::ServerContext::make({.policy = config.tls.policy,
                                           .certificates = std::move(certificate.value()),
                                           .tickets = std::move(tickets),
                                           .binding = "admin",
                                           .strict_alpn = false});
  if (!context) {
    return context.faults();
  }
  return std::shared_ptr<const tls::ServerContext>(std::move(context.value()));
}

}  // namespace postern
