#include "proxy/snapshot/internal/expired.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "proxy/base/utc.h"

namespace postern {
namespace {

using Description = tls::CertificateStore::Description;

std::optional<Description> replaced_by(const Description& renewed,
                                       const tls::CertificateStore& former) {
  const std::vector<Description> all = former.describe();
  const auto same = std::ranges::find(all, renewed.label, &Description::label);
  if (same != all.end()) {
    return *same;
  }
  if (!renewed.names.empty() && former.has_name(renewed.names.front())) {
    return former.served(renewed.names.front());
  }
  return std::nullopt;
}

}  // namespace

Faults find_expired(const tls::CertificateStore& renewed, const tls::CertificateStore& former,
                    int64_t now_s) {
  Faults faults;
  for (const Description& one : renewed.describe()) {
    if (one.not_after > now_s) {
      continue;
    }
    const auto replaced = replaced_by(one, former);
    if (replaced && replaced->not_after > now_s) {
      faults.push_back({one.where, "chain " + one.label + " has expired (" +
                                       utc_text(one.not_after) +
                                       "), and the one in force, which is good until " +
                                       utc_text(replaced->not_after) + ", stays"});
    }
  }
  return faults;
}

}  // namespace postern
