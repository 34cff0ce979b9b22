#include "proxy/session/internal/stricter_clients.h"

#include "proxy/admission/stricter_tls.h"
#include "tls/policy.h"

namespace postern {

void note_stricter_tls(const SessionContext& session, const tls::Handshake& handshake,
                       const tls::Engine& engine) {
  if (session.from_probes()) {
    return;
  }
  StricterTls& stricter = session.services.admission.stricter();
  const auto note = [&](Stricter policy) {
    stricter.add(policy, session.origin.address, [&engine] { return engine.server_name(); });
  };
  if (handshake.version < tls::Version::Tls13) {
    note(Stricter::Tls13);
  }
  if (!tls::is_post_quantum(tls::group_names()[handshake.group])) {
    note(Stricter::PostQuantum);
  }
  if (engine.hello().shadow_refusal) {
    note(Stricter::Shadow);
  }
}

}  // namespace postern
