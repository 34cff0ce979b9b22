// The words of `postern probe`.
#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/cli/internal/parts.h"
#include "proxy/config/diagnostics.h"
#include "proxy/config/values.h"

namespace postern {
namespace {

constexpr uint64_t kShortestProbeMs = 100;

bool is_user(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](unsigned char c) { return c < ' '; });
}

// An IPv6 address without its brackets has no port.
bool is_bare_v6(const std::string& text) {
  return static_cast<bool>(net::HostPort::parse("[" + text + "]:1", 0));
}

void read_target(const std::string& given, net::HostPort& out, config::Diagnostics& diagnostics) {
  const std::string text = is_bare_v6(given) ? "[" + given + "]" : given;
  const bool has_port = static_cast<bool>(net::HostPort::parse(text, 0));
  const auto parsed = net::HostPort::parse(text, 1);
  if (!parsed || (has_port && parsed.value().port == 0)) {
    diagnostics.fault({text, "probe"}, "is no HOST[:PORT], such as mail.example.org, [::1]:993");
    return;
  }
  out = parsed.value();
  out.port = has_port ? out.port : 0;
}

Result<probe::Request> read_request(const Extras& extras) {
  config::Diagnostics diagnostics("");
  probe::Request request;
  if (!extras.target.empty()) {
    read_target(extras.target, request.target, diagnostics);
  }
  if (extras.timeout) {
    config::read_duration({*extras.timeout, "--timeout"}, kShortestProbeMs, request.timeout_ms,
                          diagnostics);
  }
  if (extras.password_file && !extras.login) {
    diagnostics.fault({*extras.password_file, "--password-file"}, "belongs to --login USER");
  }
  if (extras.login && !is_user(*extras.login)) {
    diagnostics.fault({*extras.login, "--login"}, "is no user name");
  }
  request.name = extras.name.value_or("");
  request.ca_file = extras.ca.value_or("");
  return diagnostics.ok() ? Result<probe::Request>(std::move(request)) : diagnostics.faults();
}

}  // namespace

Result<Command> read_probe(const CLI::App& app, const config::Flags& flags, const Extras& extras) {
  if (const auto others = flags_of(app, kGateway); !others.empty()) {
    return Fault{"", "probe takes no " + config::join(others) + "; see postern --help"};
  }
  const bool own = app.count("--config") > 0;
  if (own != extras.target.empty()) {
    return Fault{"",
                 own ? "probe takes a server or --config, not both"
                     : "probe needs a server, postern probe HOST[:PORT], or your own: --config"};
  }
  if (own && extras.login) {
    return Fault{
        "", "--login belongs to a probe of one server: postern probe HOST[:PORT] --login USER"};
  }
  auto request = read_request(extras);
  auto config = own ? config::from_file(flags) : Result<Config>(Config());
  if (!request || !config) {
    return !request ? request.faults() : config.faults();
  }
  Command command;
  command.kind = own ? Command::Kind::ProbeGateway : Command::Kind::Probe;
  command.config = std::move(config.value());
  command.probe = std::move(request.value());
  command.login = extras.login.value_or("");
  command.password_file = extras.password_file.value_or("");
  command.json = extras.json;
  return command;
}

}  // namespace postern
