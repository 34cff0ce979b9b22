#include "proxy/snapshot/restart_settings.h"

#include <algorithm>

#include "proxy/log/log.h"

namespace postern {

void keep_what_needs_a_restart(Config& wanted, const Config& current) {
  const auto keep = [](auto& now, const auto& was, bool same, const char* key) {
    if (!same) {
      log::warn("this setting needs a restart, the old value stays", {{"setting", key}});
      now = was;
    }
  };
  const auto same_listener = [](const ListenerConfig& a, const ListenerConfig& b) {
    return a.text == b.text && a.tls == b.tls;
  };
  keep(wanted.listeners, current.listeners,
       std::equal(wanted.listeners.begin(), wanted.listeners.end(), current.listeners.begin(),
                  current.listeners.end(), same_listener),
       "listeners");
  keep(wanted.workers, current.workers, wanted.workers == current.workers, "workers");
  keep(wanted.user, current.user, wanted.user == current.user, "user");
  keep(wanted.state_directory, current.state_directory,
       wanted.state_directory == current.state_directory, "state_directory");
  keep(wanted.core_dumps, current.core_dumps, wanted.core_dumps == current.core_dumps,
       "core_dumps");
  keep(wanted.seccomp, current.seccomp, wanted.seccomp == current.seccomp, "seccomp");
  keep(wanted.admin, current.admin, wanted.admin == current.admin, "admin.address");
}

}  // namespace postern
