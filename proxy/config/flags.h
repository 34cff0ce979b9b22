// A gateway from flags alone: what the command line gave, read as the file's values are. One source
// of faults and of limits for both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace postern::config {

// The values of the command line, not yet checked.
struct Flags {
  std::string config;
  std::vector<std::string> listen;
  std::vector<std::string> listen_starttls;
  std::vector<std::string> backend;
  std::optional<std::string> backend_tls;
  std::optional<std::string> backend_ca;
  bool backend_insecure = false;
  std::vector<std::string> cert;
  std::vector<std::string> key;
  bool self_signed = false;
  std::optional<std::string> policy;
  std::optional<std::string> workers;
  std::optional<std::string> admin;
  std::optional<std::string> log_level;
  std::optional<std::string> log_format;
};

Result<Config> from_flags(const Flags& flags);
// From the file that --config names; --log-level overrides its log.level.
Result<Config> from_file(const Flags& flags);

}  // namespace postern::config
