// The routes by user of a configuration, its map read from the file.
#include <utility>

#include "proxy/snapshot/snapshot.h"

namespace postern {

Result<std::shared_ptr<const UserRoutes>> load_users(const Config& config) {
  if (!routes_by_user(config)) {
    return std::shared_ptr<const UserRoutes>();
  }
  const UsersConfig& users = config.users;
  std::shared_ptr<const UserMap> map;
  if (!users.map.empty()) {
    std::vector<std::string> backends;
    for (const BackendConfig& backend : config.backends) {
      backends.push_back(backend.name);
    }
    auto loaded = UserMap::load(users.map, users.default_domain, backends);
    if (!loaded) {
      Faults faults = loaded.faults();
      for (Fault& fault : faults) {
        if (fault.where == users.map) {  // of the file, while a line is place enough
          fault = {users.map_where, "users.map " + fault.text()};
        }
      }
      return faults;
    }
    map = std::move(loaded.value());
  }
  std::unordered_map<std::string, size_t> routes;
  for (const RouteConfig& route : config.routes) {
    if (!route.user.empty()) {
      routes.emplace(route.user, route.backend);
    }
  }
  return std::make_shared<const UserRoutes>(users.default_domain, std::move(map),
                                            std::move(routes));
}

Faults judge_users(const Config& config, const UserRoutes* users) {
  if (users == nullptr || config.users.map.empty()) {
    return {};
  }
  Faults doubts;
  const auto doubt = [&](const char* words) {
    doubts.push_back({config.users.map_where, "users.map " + config.users.map + words});
  };
  if (users->mapped() == 0) {
    doubt(" has no user in it");
  }
  if (users->mixes_names() && config.users.default_domain.empty()) {
    doubt(
        " has names with a domain and names without, and there is no users.default_domain: anna "
        "and "
        "anna@example.org are two users then, each with a line of its own");
  }
  return doubts;
}

}  // namespace postern
