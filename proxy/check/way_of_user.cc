#include "proxy/check/way_of_user.h"

#include <algorithm>
#include <fstream>
#include <string_view>
#include <vector>

#include "proxy/log/escape.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/users/user_map.h"
#include "proxy/users/user_name.h"

namespace postern {
namespace {

// The number of the line of users.map that has the user `name`; 0 if none has. The map itself keeps
// no lines, but each line is a map of its own.
size_t line_of(const UsersConfig& users, std::string_view name,
               const std::vector<std::string>& backends) {
  std::ifstream file(users.map);
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    const auto map = UserMap::parse(line, users.map, users.default_domain, backends);
    if (map && map.value()->find(name)) {
      return number;
    }
  }
  return 0;
}

bool has_route(const Config& config, std::string_view user) {
  return std::ranges::any_of(config.routes,
                             [user](const RouteConfig& route) { return route.user == user; });
}

// In the order of docs/users.md.
std::string rule_of(const Config& config, const std::string& name) {
  std::vector<std::string> backends;
  for (const BackendConfig& backend : config.backends) {
    backends.push_back(backend.name);
  }
  if (const size_t line = name.empty() ? 0 : line_of(config.users, name, backends)) {
    return config.users.map + " line " + std::to_string(line);
  }
  const size_t at = name.rfind('@');
  const std::string domain = at == std::string::npos ? "" : "*" + name.substr(at);
  for (const std::string& user : {name, domain}) {
    if (!user.empty() && has_route(config, user)) {
      return "the route of user " + in_quotes(user);
    }
  }
  const bool by_host = std::ranges::any_of(
      config.routes, [](const RouteConfig& route) { return !route.sni.empty(); });
  return by_host ? "default_backend, unless a route with sni has the host that the client asks for"
                 : "default_backend";
}

}  // namespace

Result<std::string> way_of_user(const Config& config, const std::string& user) {
  const auto users = load_users(config);
  if (!users) {
    return users.faults();
  }
  const std::string name = user_name(user, config.users.default_domain);
  const UserRoutes* const routes = users.value().get();
  const size_t index =
      (routes != nullptr ? routes->find(name) : std::nullopt).value_or(config.default_backend);
  std::string text;
  append_escaped(text, user, kMaxUserName);
  if (config.users.lookup && !name.empty() && !routes->find_user(name)) {
    text += " goes where the service at " + config.users.lookup->authority +
            " says, or if it does not know the user";
  }
  text += index < config.backends.size() ? " goes to backend " + config.backends[index].name
                                         : " is held, and goes to no backend";
  return text + ", by " + rule_of(config, name) + "\n";
}

}  // namespace postern
