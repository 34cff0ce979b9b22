// How HTTP compares its words. Pure functions.
#pragma once

#include <algorithm>
#include <string_view>

namespace postern::http {

// RFC 9110 §5.1, §8.3.1, §10.1.1, §12.5.3: names of fields, media types, codings and expectations
// are compared without regard to case.
inline bool same_token(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace postern::http
