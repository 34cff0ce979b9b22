// The parts of the table that have their own files. Constant data, for table.cc alone.
#pragma once

#include <span>
#include <string_view>

#include "proxy/config/internal/table.h"

namespace postern::config {

inline constexpr std::string_view kPath = "path, relative to this file's folder";
inline constexpr std::string_view kDuration = "duration: 500ms, 90s, 10m, 1h";

// table_admin.cc
std::span<const Row> admin_rows();
// table_backends.cc
std::span<const Row> backend_rows();
std::span<const Row> server_rows();
std::span<const Row> backend_hop_rows();
std::span<const Row> health_rows();
// table_limits.cc
std::span<const Row> listener_limit_rows();
std::span<const Row> limit_rows();
// table_routes.cc
std::span<const Row> route_rows();
std::span<const Row> lookup_rows();
// table_tls.cc
std::span<const Row> listener_policy_rows();
std::span<const Row> policy_rows();
std::span<const Row> shadow_policy_rows();
std::span<const Row> certificate_rows();
std::span<const Row> client_rows();

}  // namespace postern::config
