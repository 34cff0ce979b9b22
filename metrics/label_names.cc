// The names under which labels are exported.
#include "metrics/catalog.h"

namespace postern::metrics {

using enum Label;

const char* label_name(Label label) {
  switch (label) {
    case None:
      return "";
    case Listener:
      return "listener";
    case EndReason:
      return "end_reason";
    case Version:
    case BuildVersion:
      return "version";
    case Cipher:
      return "cipher";
    case Group:
      return "group";
    case Resumed:
      return "resumed";
    case ProxyHeader:
      return "result";
    case TlsFailure:
    case ShadowReason:
    case AcceptFailure:
    case Violation:
    case Refusal:
      return "reason";
    case Hop:
      return "hop";
    case Direction:
      return "direction";
    case Mechanism:
      return "mechanism";
    case LoginResult:
    case ConnectResult:
    case Result:
      return "result";
    case Backend:
      return "backend";
    case Server:
      return "server";
    case Path:
      return "path";
    case Code:
      return "code";
    case Certificate:
      return "certificate";
    case KeyType:
      return "key_type";
    case Revision:
      return "revision";
    case Tls:
      return "tls";
    case Verify:
      return "verify";
  }
  return "";
}

}  // namespace postern::metrics
