// A configuration with a self-signed certificate, the two listeners on ports that the kernel
// chooses, and one pool of `servers`.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/config/config.h"

namespace postern::test {

Config gateway_config(const std::vector<net::HostPort>& servers);

inline constexpr size_t kImplicit = 0;  // the listeners' indices
inline constexpr size_t kStartTls = 1;

}  // namespace postern::test
