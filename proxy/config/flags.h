// A gateway from flags alone. The flags go through the same readers as the values of a file, so
// that both have the same faults and limits.
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
