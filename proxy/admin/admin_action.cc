#include "proxy/admin/admin_action.h"

namespace postern::admin {
namespace {

constexpr auto kFirst = static_cast<size_t>(metrics::AdminPath::Drain);
constexpr auto kLast = static_cast<size_t>(metrics::AdminPath::Reload);

}  // namespace

std::optional<metrics::AdminPath> action_named(std::string_view name) {
  for (size_t i = kFirst; i <= kLast; ++i) {
    const auto action = static_cast<metrics::AdminPath>(i);
    if (name == name_of_action(action)) {
      return action;
    }
  }
  return std::nullopt;
}

std::string names_of_actions() {
  std::string names;
  for (size_t i = kFirst; i <= kLast; ++i) {
    names.append(names.empty() ? "" : ", ")
        .append(name_of_action(static_cast<metrics::AdminPath>(i)));
  }
  return names;
}

}  // namespace postern::admin
