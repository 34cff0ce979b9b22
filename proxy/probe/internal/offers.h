// Offers: the TLS contexts of a probe, one for each kind of ClientHello, and the verifier that
// judges what servers show. None of them fails a handshake by a certificate. Set-up, then one
// thread; must outlive the connections made from it.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "proxy/base/result.h"
#include "proxy/probe/record.h"
#include "tls/context.h"

namespace postern::probe {

class Offers {
 public:
  // `ca_file`: the authorities to trust in place of the system's, PEM; empty: the system's.
  static Result<std::unique_ptr<Offers>> make(const std::string& ca_file);

  const tls::Verifier& verifier() const { return *verifier_; }
  // Offer::All for one port, so that Offer::Again resumes what that port has given.
  std::unique_ptr<tls::ClientContext> make_resuming() const;
  // Any other.
  const tls::ClientContext& of(Offer offer) const { return *contexts_[static_cast<size_t>(offer)]; }

 private:
  std::shared_ptr<const tls::Verifier> verifier_;
  std::shared_ptr<const tls::Verifier> anything_;
  std::array<std::unique_ptr<tls::ClientContext>, kCountOf<Offer>> contexts_;
};

}  // namespace postern::probe
