// The words of `postern admin`.
#include <algorithm>
#include <utility>

#include "proxy/admin/admin_action.h"
#include "proxy/cli/internal/parts.h"
#include "proxy/config/diagnostics.h"
#include "proxy/config/values.h"
#include "proxy/log/escape.h"

namespace postern {
namespace {

constexpr uint64_t kShortestMs = 100;

// The actions, as --help and faults have them.
std::string there_are() {
  return "; there are " + admin::names_of_actions();
}

void read_action(const Extras& extras, admin::Request& request, Faults& faults) {
  if (extras.action.empty()) {
    faults.push_back(
        {"", "admin needs an action: postern admin ACTION [NAME=VALUE ...]" + there_are()});
    return;
  }
  const auto action = admin::action_named(extras.action);
  if (!action) {
    faults.push_back({"", in_quotes(extras.action) + " is no action" + there_are()});
    return;
  }
  request.action = *action;
}

void read_fields(const Extras& extras, admin::Request& request, Faults& faults) {
  for (const std::string& word : extras.fields) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      faults.push_back({"", in_quotes(word) + " is no field of an action; write NAME=VALUE"});
      continue;
    }
    request.fields.push_back({.name = word.substr(0, equals), .value = word.substr(equals + 1)});
  }
}

// An endpoint that listens on all addresses is asked on this machine's own.
net::HostPort reachable(const net::Address& endpoint) {
  const Bytes ip = endpoint.ip();
  const bool any = std::ranges::all_of(ip, [](uint8_t octet) { return octet == 0; });
  return {any ? (endpoint.is_v6() ? "::1" : "127.0.0.1") : endpoint.ip_text(), endpoint.port()};
}

void take_address(const std::string& text, admin::Request& request, Faults& faults) {
  auto endpoint = net::HostPort::parse(text, 0);
  if (endpoint && endpoint.value().port != 0) {
    request.endpoint = std::move(endpoint.value());
  } else {
    faults.push_back({"", "--address: " + in_quotes(text) + " is no HOST:PORT"});
  }
}

// What the flags do not say comes from the file.
void take_config(const Config& config, admin::Request& request, Faults& faults) {
  if (request.endpoint.host.empty() && config.admin) {
    request.endpoint = reachable(*config.admin);
  } else if (request.endpoint.host.empty()) {
    faults.push_back({"", "the configuration has no admin.address"});
  }
  if (!request.tls && config.admin_tls) {
    request.certificate = config.admin_tls->chain;
  }
  if (request.token_file.empty()) {
    request.token_file = config.admin_token;
  }
  if (request.token_file.empty()) {
    faults.push_back({"", "the configuration has no admin.token_file"});
  }
}

}  // namespace

Result<Command> read_admin(const CLI::App& app, const config::Flags& flags, const Extras& extras) {
  if (const auto others = flags_of(app, kGateway); !others.empty()) {
    return Fault{"", "admin takes no " + config::join(others) + "; see postern --help"};
  }
  Command command;
  command.kind = Command::Kind::Admin;
  Faults faults;
  read_action(extras, command.admin, faults);
  read_fields(extras, command.admin, faults);
  if (extras.timeout) {
    config::Diagnostics diagnostics("");
    config::read_duration({*extras.timeout, "--timeout"}, kShortestMs, command.admin.timeout_ms,
                          diagnostics);
    append(faults, diagnostics.faults());
  }
  if (extras.address) {
    take_address(*extras.address, command.admin, faults);
  }
  if (extras.ca || extras.name) {
    tls::Verification& rule = command.admin.tls.emplace();
    rule.ca_file = extras.ca.value_or("");
    rule.name = extras.name.value_or("");
  }
  command.admin.token_file = extras.token_file.value_or("");
  command.admin.json = extras.json;
  if (app.count("--config") > 0) {
    const auto config = config::from_file(flags);
    if (!config) {
      return config.faults();
    }
    take_config(config.value(), command.admin, faults);
  } else if (!extras.address || !extras.token_file) {
    faults.push_back({"", "name the gateway's file with --config, or --address and --token-file"});
  }
  return faults.empty() ? Result<Command>(std::move(command)) : faults;
}

}  // namespace postern
