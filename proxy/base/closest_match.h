// Finds the known word closest to a misspelt one, for "did you mean". Set-up only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace postern {

inline constexpr size_t kMaxWordBytes = 64;  // longer than any key or name

// Optimal string alignment: an insertion, a deletion, a substitution and two swapped neighbours
// ("tsl") each count as one.
inline size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kMaxWordBytes + 1>, kMaxWordBytes + 1> cost{};
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

// The closest of `candidates`, or null if none is near enough to be meant.
inline const std::string* closest_match(std::string_view text,
                                        std::span<const std::string> candidates) {
  const std::string* found = nullptr;
  size_t best = text.size() / 3 + 1;  // one slip in a short word, more in a long one
  for (const std::string& candidate : candidates) {
    if (text.size() > kMaxWordBytes || candidate.size() > kMaxWordBytes) {
      continue;
    }
    const size_t distance = edit_distance(text, candidate);
    if (distance < best || (distance == best && found == nullptr)) {
      best = distance;
      found = &candidate;
    }
  }
  return found;
}

}  // namespace postern
