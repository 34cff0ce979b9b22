// How a probe writes figures. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::probe {

std::string show_ms(uint64_t us);  // "0.4 ms", "12 ms"
// A list of capabilities has a space before each.
constexpr std::string_view without_space(std::string_view list) {
  return list.starts_with(' ') ? list.substr(1) : list;
}

}  // namespace postern::probe
