#include "proxy/backend/finding.h"

#include <string_view>

#include "proxy/imap/capability_edit.h"

namespace postern {
namespace {

constexpr std::string_view kGoodbye = "z LOGOUT\r\n";

}  // namespace

// With proxy_v2 sessions announce that their clients have TLS, so that a server may take their
// passwords; a check has no client to announce.
std::optional<Cause> find_fault(const BackendConfig& backend, const Attempt& greeted) {
  const imap::BackendPreamble& preamble = greeted.preamble();
  if (preamble.preauthenticated()) {
    return Cause::BackendPreauth;
  }
  const bool in_clear = backend.tls == BackendTls::None;
  if (in_clear && backend.client_identity != ClientIdentity::ProxyV2 &&
      imap::lists_capability(preamble.capabilities(), "LOGINDISABLED")) {
    return Cause::BackendPrivacyRequired;
  }
  return std::nullopt;
}

void say_goodbye(net::Stream& stream) {
  stream.write(as_bytes(kGoodbye));
  stream.finish();
  stream.abort();
}

}  // namespace postern
