// What a snapshot has of `users.lookup`. Main thread only.
#pragma once

#include <memory>

#include "proxy/config/config.h"
#include "proxy/lookup/user_lookup.h"
#include "tls/verification.h"

namespace postern {

// Null without a lookup by https.
Result<std::shared_ptr<const tls::Verifier>> load_lookup_verifier(const Config& config);

// Null without a lookup; `verifier` is what was loaded for it.
std::shared_ptr<UserLookup> make_lookup(const std::shared_ptr<const Config>& config,
                                        const std::shared_ptr<const tls::Verifier>& verifier,
                                        Faults& faults);

}  // namespace postern
