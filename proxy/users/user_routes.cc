#include "proxy/users/user_routes.h"

namespace postern {

std::optional<size_t> UserRoutes::find_user(const std::string& name) const {
  if (map_ != nullptr) {
    if (const auto backend = map_->find(name)) {
      return backend;
    }
  }
  const auto exact = routes_.find(name);
  return exact != routes_.end() ? std::optional(exact->second) : std::nullopt;
}

std::optional<size_t> UserRoutes::find(const std::string& name) const {
  if (const auto backend = find_user(name)) {
    return backend;
  }
  const size_t at = name.rfind('@');
  const auto domain = at == std::string::npos ? routes_.end() : routes_.find("*" + name.substr(at));
  return domain != routes_.end() ? std::optional(domain->second) : std::nullopt;
}

}  // namespace postern
