#include "metrics/export/admin_action.h"

namespace postern::metrics {
namespace {

constexpr auto kFirst = static_cast<size_t>(AdminPath::Drain);
constexpr auto kLast = static_cast<size_t>(AdminPath::Reload);

}  // namespace

std::optional<AdminPath> action_named(std::string_view name) {
  for (size_t i = kFirst; i <= kLast; ++i) {
    const auto action = static_cast<AdminPath>(i);
    if (name == name_of_action(action)) {
      return action;
    }
  }
  return std::nullopt;
}

std::string names_of_actions() {
  std::string names;
  for (size_t i = kFirst; i <= kLast; ++i) {
    names.append(names.empty() ? "" : ", ").append(name_of_action(static_cast<AdminPath>(i)));
  }
  return names;
}

}  // namespace postern::metrics
