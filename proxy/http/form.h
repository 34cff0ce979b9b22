// A form as a client sends it (application/x-www-form-urlencoded, the URL standard §5): fields with
// a name and a value, in their order. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::http {

struct FormField {
  std::string name;
  std::string value;
  bool operator==(const FormField&) const = default;
};
using Form = std::vector<FormField>;

inline constexpr size_t kMostFields = 16;

// Nullopt: it is none, or has more than kMostFields. Stricter than a browser's: each field has a
// name and a `=`, and a `%` has two digits after it.
std::optional<Form> parse_form(std::string_view text);
// The inverse.
std::string make_form(const Form& form);

}  // namespace postern::http
