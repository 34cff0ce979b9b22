// UserRoutes: which backend a user's name leads to: by the map, by a route with this very name, or
// by a route for its domain, in this order. Immutable; all workers share it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "proxy/users/user_map.h"
#include "proxy/users/user_name.h"

namespace postern {

class UserRoutes {
 public:
  // `map` may be null. `routes` are user_name()s and "*@domain"s.
  UserRoutes(std::string default_domain, std::shared_ptr<const UserMap> map,
             std::unordered_map<std::string, size_t> routes)
      : default_domain_(std::move(default_domain)),
        map_(std::move(map)),
        routes_(std::move(routes)) {}

  // The form in which names are compared of one as a client gives it.
  std::string name_of(std::string_view written) const {
    return user_name(written, default_domain_);
  }
  // `name` is a name_of(). By the user itself: the map or a route with this very name.
  std::optional<size_t> find_user(const std::string& name) const;
  // The same, or by a route for its domain.
  std::optional<size_t> find(const std::string& name) const;
  size_t mapped() const { return map_ != nullptr ? map_->size() : 0; }
  bool mixes_names() const { return map_ != nullptr && map_->mixes_names(); }
  size_t held() const { return map_ != nullptr ? map_->held() : 0; }

 private:
  const std::string default_domain_;
  const std::shared_ptr<const UserMap> map_;
  const std::unordered_map<std::string, size_t> routes_;
};

}  // namespace postern
