// Lifetime: how a certificate stands in the time for which it is valid, from the best to the worst.
#pragma once

#include <cstdint>

#include "proxy/base/names.h"

namespace postern {

inline constexpr int64_t kDayS = 86'400;

// Overdue: it should have been renewed. Ending: the alarm.
enum class Lifetime : uint8_t { Good, NotYetValid, Overdue, Ending, Expired };
inline constexpr Names<Lifetime> kLifetimeNames{"good", "not_yet_valid", "overdue", "ending",
                                                "expired"};
constexpr const char* name_of(Lifetime lifetime) {
  return kLifetimeNames[lifetime];
}

}  // namespace postern
