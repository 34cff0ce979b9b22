// What the files of the command line share: cli.cc, which knows all flags, and the readers of the
// commands that ask somebody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "proxy/base/result.h"
#include "proxy/cli/cli.h"
#include "proxy/config/flags.h"

namespace postern {

// The groups of flags in --help.
inline constexpr char kGateway[] = "A gateway from flags alone, instead of --config";
inline constexpr char kProbe[] = "With probe";
inline constexpr char kAdmin[] = "With admin";
inline constexpr char kAsking[] = "With probe and admin";

// What only some commands take.
struct Extras {
  bool preflight = false;
  std::optional<std::string> user;
  std::string target;
  std::optional<std::string> name;
  std::optional<std::string> ca;
  std::optional<std::string> timeout;
  std::optional<std::string> login;
  std::optional<std::string> password_file;
  bool json = false;
  std::string action;
  std::vector<std::string> fields;  // NAME=VALUE
  std::optional<std::string> address;
  std::optional<std::string> token_file;
};

// The flags of this group that were given.
std::vector<std::string> flags_of(const CLI::App& app, const char* group);

// Of a server, or with --config of one's own gateway.
Result<Command> read_probe(const CLI::App& app, const config::Flags& flags, const Extras& extras);
// At the endpoint that --config or --address names.
Result<Command> read_admin(const CLI::App& app, const config::Flags& flags, const Extras& extras);

}  // namespace postern
