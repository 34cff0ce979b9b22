// What the command line asks for: `serve` (the default), `check`, `probe`, `admin`,
// `config-reference`, or a gateway from flags alone. Faults are sentences, all at once, as for the
// file.
#pragma once

#include <optional>
#include <string>

#include "proxy/admin/request.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "proxy/probe/probe.h"

namespace postern {

struct Command {
  enum class Kind { Serve, Check, Probe, ProbeGateway, Admin, ConfigReference, Help, Version };
  Kind kind = Kind::Serve;
  // Empty: `config` was made from flags and cannot be reloaded from a file.
  std::string config_path;
  std::optional<log::Level> log_level;  // --log-level, which `config` has taken already
  Config config;                        // for Serve, Check and ProbeGateway
  bool preflight = false;               // for Check: ask the servers as well
  std::optional<std::string> user;      // for Check: say where this user goes, and nothing else
  probe::Request probe;                 // for both probes
  std::string login = {};               // for Probe: a user; empty: no login
  std::string password_file = {};       // of the user; empty: the terminal is asked
  bool json = false;                    // for both probes: the report for programs
  admin::Request admin = {};            // for Admin
  std::string text;                     // for Help and Version: what to print
};

Result<Command> parse_command_line(int argc, const char* const* argv);

}  // namespace postern
