// The words of the configuration for its enumerations, in the order of the enumerators.
#pragma once

#include <array>

namespace postern::config {

inline constexpr std::array kListenerTlsNames = {"implicit", "starttls"};
inline constexpr std::array kBackendTlsNames = {"none", "starttls", "implicit"};
inline constexpr std::array kBalanceNames = {"round_robin", "least_sessions", "client_hash"};
inline constexpr std::array kClientIdentityNames = {"none", "proxy_v1", "proxy_v2", "imap_id"};
inline constexpr std::array kBooleanNames = {"false", "true"};
inline constexpr std::array kVersionNames = {"1.0", "1.1", "1.2", "1.3"};
inline constexpr std::array kPolicyNames = {"modern", "intermediate"};

inline constexpr std::array kClientAuthNames = {"required", "optional"};

}  // namespace postern::config
