#include "proxy/server/internal/reload_retry.h"

#include <algorithm>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"

namespace postern {

void ReloadRetry::failed(bool whole) {
  whole_ = whole_ || whole;
  log::warn("reload is tried again, no descriptor was free",
            {{"in_ms", pause_ms_}, {"advice", net::kMoreDescriptors}});
  arm(loop_.deadlines(), pause_ms_);
  pause_ms_ = std::min(2 * pause_ms_, kLastMs);
}

void ReloadRetry::succeeded(bool whole) {
  if (whole_ && !whole) {
    return;
  }
  disarm();
  whole_ = false;
  pause_ms_ = kFirstMs;
}

void ReloadRetry::on_deadline() {
  observer_.on_retry(std::exchange(whole_, false));
}

}  // namespace postern
