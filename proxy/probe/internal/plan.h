// Which connection a probe makes next, as a pure function of what it has seen: first a look at the
// port, by the way that its number says and then by the other, then a scan of the TLS found there.
// So few are needed that a server of small limits is not disturbed: at most kMostVisits of a port.
#pragma once

#include <optional>

#include "proxy/probe/record.h"

namespace postern::probe {

inline constexpr uint16_t kTlsPort = 993;  // RFC 8314
inline constexpr size_t kMostLooks = 3;
inline constexpr size_t kMostVisits = 8;  // without that of a user

// nullopt: enough has been seen.
std::optional<VisitPlan> next_look(const PortRecord& port);
// Of the versions, the groups and resumption, after the looks at a port with TLS.
std::optional<VisitPlan> next_scan(const PortRecord& port);

// Of a user, where no stranger learns the password: TLS, and a certificate that is good.
std::optional<VisitPlan> login_plan(const PortRecord& port);

}  // namespace postern::probe
