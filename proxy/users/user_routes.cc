#include "proxy/users/user_routes.h"

#include "proxy/users/user_name.h"

namespace postern {

std::optional<size_t> UserRoutes::find(std::string_view written) const {
  const std::string name = user_name(written, default_domain_);
  if (name.empty()) {
    return std::nullopt;
  }
  if (map_ != nullptr) {
    if (const auto backend = map_->find(name)) {
      return backend;
    }
  }
  if (const auto exact = routes_.find(name); exact != routes_.end()) {
    return exact->second;
  }
  const size_t at = name.rfind('@');
  const auto domain = at == std::string::npos ? routes_.end() : routes_.find("*" + name.substr(at));
  return domain != routes_.end() ? std::optional(domain->second) : std::nullopt;
}

}  // namespace postern
