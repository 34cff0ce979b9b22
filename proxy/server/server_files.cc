// What a running server does when a file changes that it watches, and what a reload makes of the
// map of users.
#include <algorithm>
#include <ctime>
#include <string>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/server/config_log.h"
#include "proxy/server/server.h"

namespace postern {

using metrics::Metric;

namespace {

size_t mapped(const UserRoutes* users) {
  return users != nullptr ? users->mapped() : 0;
}

// A file that was cut off, or read while it was written, is a map like any other.
bool is_steep_fall(size_t before, size_t now) {
  return 2 * now < before;
}

std::string fall_text(size_t before, size_t now) {
  return "has " + std::to_string(now) + " users, and the map before has " + std::to_string(before);
}

}  // namespace

void Server::on_files_changed(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    log::info("file changed", {{"file", path}});
    facts_.changes.add("file changed", path);
  }
  const bool is_awaited = std::exchange(reload_awaits_files_, false);
  if (is_awaited) {
    reload();
  }
  if (is_awaited && !state_.reload_failed) {
    return;
  }
  const bool of_map = std::ranges::count(paths, materials_.config->users.map) > 0;
  if (of_map) {
    reload_users();
  }
  if (!of_map || paths.size() > 1) {
    reload_certificates();
  }
}

// The configuration stays, and so do the pools behind. What is broken today may be whole at the
// next change.
void Server::reload_certificates() {
  const auto fail = [this](const Faults& faults) {
    const bool starved = net::descriptors_are_short();
    log_faults("certificates not reloaded, the old ones stay", faults,
               Cause::CertificatesNotReloaded);
    facts_.changes.add("certificates not reloaded", "", faults.front().text());
    counters_.count<Metric::CertificateReloads>(metrics::Outcome::Error);
    state_.certificates_failed = true;
    if (starved) {
      retry_.failed(false);
    }
  };
  auto materials = materials_.renewed();
  if (!materials) {
    return fail(materials.faults());
  }
  auto contexts = make_contexts(materials.value(), workers_.size());
  if (!contexts) {
    return fail(contexts.faults());
  }
  apply(std::move(materials.value()), {});
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->use(std::move(contexts.value()[i]));
  }
  counters_.count<Metric::CertificateReloads>(metrics::Outcome::Success);
  retry_.succeeded(false);
  state_.certificates_failed = false;
  state_.certificates_at_s = std::time(nullptr);
  facts_.changes.add("certificates reloaded", "");
  log::info("certificates reloaded");
}

// Nobody has asked for it, so that what may be half a file is not taken.
void Server::reload_users() {
  const Config& config = *materials_.config;
  const size_t before = mapped(materials_.users.get());
  auto users = load_users(config);
  Faults faults = users ? Faults() : users.faults();
  if (users && is_steep_fall(before, mapped(users.value().get()))) {
    faults.push_back({config.users.map, fall_text(before, mapped(users.value().get()))});
  }
  state_.user_map_failed = !faults.empty();
  if (state_.user_map_failed) {
    log_faults("map of users not reloaded, the old one stays", faults, Cause::UserMapNotReloaded);
    facts_.changes.add("map of users not reloaded", config.users.map, faults.front().text());
    return;
  }
  materials_.users = std::move(users.value());
  materials_.user_warnings = judge_users(config, materials_.users.get());
  for (const auto& worker : workers_) {
    worker->use(materials_.users);
  }
  state_.user_map_at_s = std::time(nullptr);
  facts_.changes.add("map of users reloaded", config.users.map);
  log::info("map of users reloaded",
            {{"users", mapped(materials_.users.get())}, {"users_before", before}});
  log_warnings("users", materials_.user_warnings);
}

// An operator who asks for it gets it.
void Server::report_reload(const UserRoutes* former) {
  const Config& config = *materials_.config;
  facts_.changes.add("reloaded", config_path_);
  if (config.users.map.empty()) {
    log::info("reloaded");
    return;
  }
  const size_t before = mapped(former);
  const size_t now = mapped(materials_.users.get());
  log::info("reloaded", {{"users", now}, {"users_before", before}});
  if (is_steep_fall(before, now)) {
    facts_.changes.add("fewer users", config.users.map, fall_text(before, now));
    log::warn("fewer users", {{"file", config.users.map},
                              {"users", now},
                              {"users_before", before},
                              {"advice", "if the file is cut off, write it whole and reload"}});
  }
}

}  // namespace postern
