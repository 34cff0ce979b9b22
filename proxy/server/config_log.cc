#include "proxy/server/config_log.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "proxy/config/control_groups.h"
#include "proxy/log/log.h"
#include "proxy/net/local_address.h"
#include "proxy/pool/session_limit.h"
#include "proxy/session/make_label_sets.h"
#include "proxy/snapshot/snapshot.h"

namespace postern {
namespace {

// Beyond local ports no session reaches the backend, though postern would admit it.
void log_session_limits(const Config& config) {
  for (const BackendConfig& backend : config.backends) {
    const SessionLimit limit = session_limit(config, backend, net::local_ports());
    log::info("sessions of a backend", {{"backend", backend.name},
                                        {"at_most", limit.sessions},
                                        {"by", limit.by},
                                        {"toward_each_address", limit.per_address}});
  }
}

}  // namespace

void log_faults(const char* event, const Faults& faults, Cause cause) {
  for (const Fault& fault : faults) {
    log::error(event, {{"where", fault.where},
                       {"fault", fault.message},
                       {"cause", name_of(cause)},
                       {"advice", describe(cause).fix}});
  }
}

void log_warnings(const char* event, const Faults& warnings) {
  for (const Fault& warning : warnings) {
    log::warn(event, {{"where", warning.where}, {"warning", warning.message}});
  }
}

Faults find_doubts(const Config& config, metrics::LabelSets& labels) {
  Faults doubts = config.warnings;
  append(doubts, find_unnamed_servers(config, labels));
  append(doubts, find_foreign_sources(config));
  const std::string memory =
      config::judge_memory_limit(config.limits.memory, config::usable_memory());
  if (!memory.empty()) {
    doubts.push_back({"limits.memory", memory});
  }
  std::error_code none;  // it is not there then
  if (!config.state_directory.empty() &&
      !std::filesystem::is_directory(config.state_directory, none)) {
    doubts.push_back({"state_directory", config.state_directory +
                                             " is no folder that is there: bans end with the "
                                             "process; make it, and let postern write to it"});
  }
  return doubts;
}

Faults log_configuration(const Config& config, metrics::LabelSets& labels) {
  Faults doubts = find_doubts(config, labels);
  log_warnings("configuration", doubts);
  log_session_limits(config);
  return doubts;
}

void warn_of_what_cannot_be_read_again(const Config& config, const std::string& config_path) {
  std::vector<std::string> files = material_files(config);
  files.push_back(config_path);
  for (const std::string& file : files) {
    if (!file.empty() && access(file.c_str(), R_OK) != 0) {
      log::warn("this file cannot be read again, a reload will fail",
                {{"file", file},
                 {"user", config.user},
                 {"advice", "let the user's group read it: chgrp and chmod 640"}});
    }
  }
}

}  // namespace postern
