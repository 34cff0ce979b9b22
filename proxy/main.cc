// From the command line to an exit status: 0 done; 2 the command line or the configuration file is
// at fault; 1 what they lead to: certificates, keys, sockets; 3 to 5 the grades of a probe.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

#include "proxy/admin/request.h"
#include "proxy/check/check.h"
#include "proxy/check/probe_gateway.h"
#include "proxy/check/way_of_user.h"
#include "proxy/cli/cli.h"
#include "proxy/log/log.h"
#include "proxy/net/resolver.h"
#include "proxy/probe/report.h"
#include "proxy/probe/run.h"
#include "proxy/process/privileges.h"
#include "proxy/process/stray_signals.h"
#include "proxy/server/server.h"

namespace postern {
namespace {

constexpr int kUsage = 2;

int complain(const Faults& faults, int status) {
  for (const Fault& fault : faults) {
    std::fprintf(stderr, "postern: %s\n", fault.text().c_str());
  }
  return status;
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool has_colours() {
  return isatty(STDOUT_FILENO) == 1;
}

int run_check_command(Command command) {
  if (command.user) {
    const auto way = way_of_user(command.config, *command.user);
    return way ? print(way.value()) : complain(way.faults(), EXIT_FAILURE);
  }
  const auto report = run_check(std::move(command.config), command.preflight);
  if (!report) {
    return complain(report.faults(), EXIT_FAILURE);
  }
  for (const Fault& warning : report.value().warnings) {
    std::fprintf(stderr, "postern: warning: %s\n", warning.text().c_str());
  }
  for (const Fault& hint : report.value().hints) {
    std::fprintf(stderr, "postern: hint: %s\n", hint.text().c_str());
  }
  const int printed = print(report.value().summary);
  return report.value().findings.empty() ? printed
                                         : complain(report.value().findings, EXIT_FAILURE);
}

int end_probe(const std::string& report, probe::Grade grade) {
  const int printed = print(report);
  return printed != EXIT_SUCCESS ? printed : probe::exit_status(grade);
}

int probe_server(Command command) {
  if (!command.login.empty()) {
    auto credentials = probe::Credentials::read(command.login, command.password_file);
    if (!credentials) {
      return complain(credentials.faults(), EXIT_FAILURE);
    }
    command.probe.credentials = std::move(credentials.value());
  }
  const auto record = probe::run(command.probe);
  if (!record) {
    return complain(record.faults(), EXIT_FAILURE);
  }
  const auto findings = probe::judge(record.value(), tls::wall_clock_s());
  return end_probe(command.json ? probe::report_json(record.value(), findings)
                                : probe::report_text(record.value(), findings, has_colours()),
                   probe::grade_of(findings));
}

int probe_own_gateway(Command command) {
  log::configure(log::Format::Text, log::Level::Error);  // the report has what servers say
  const auto report = probe_gateway(std::move(command.config), command.probe);
  if (!report) {
    return complain(report.faults(), EXIT_FAILURE);
  }
  return end_probe(
      command.json ? gateway_json(report.value()) : gateway_text(report.value(), has_colours()),
      grade_of(report.value()));
}

int act(const admin::Request& request) {
  const auto answer = admin::ask(request);
  if (!answer) {
    return complain(answer.faults(), EXIT_FAILURE);
  }
  std::FILE* const to = answer.value().done || request.json ? stdout : stderr;
  std::fputs(answer.value().body.c_str(), to);
  return std::fflush(to) == 0 && answer.value().done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int serve(Command command, Invocation invocation) {
  log::configure(command.config.log_format, command.config.log_level);
  net::Resolver::make_room();
  auto inherited = InheritedSockets::from_environment();
  if (!inherited) {
    return complain(inherited.faults(), EXIT_FAILURE);
  }
  auto server =
      Server::make(std::move(command.config), {.config_path = std::move(command.config_path),
                                               .log_level = command.log_level,
                                               .invocation = std::move(invocation),
                                               .inherited = std::move(inherited.value()),
                                               .notifier = ServiceNotifier::from_environment()});
  if (!server) {
    log::flush();
    return complain(server.faults(), EXIT_FAILURE);
  }
  return server.value()->run();
}

int run(int argc, const char* const* argv) {
  auto command = parse_command_line(argc, argv);
  if (!command) {
    return complain(command.faults(), kUsage);
  }
  switch (command.value().kind) {
    case Command::Kind::Serve:
      return serve(std::move(command.value()), Invocation::of(argc, argv));
    case Command::Kind::Check:
      return run_check_command(std::move(command.value()));
    case Command::Kind::Probe:
      net::Resolver::make_room();
      return probe_server(std::move(command.value()));
    case Command::Kind::ProbeGateway:
      net::Resolver::make_room();
      return probe_own_gateway(std::move(command.value()));
    case Command::Kind::Admin:
      return act(command.value().admin);
    case Command::Kind::ConfigReference:
      return print(config_reference());
    case Command::Kind::Help:
    case Command::Kind::Version:
      return print(command.value().text);
  }
  return kUsage;
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) {
  postern::hold_signals();
  try {
    return postern::run(argc, argv);
  } catch (const std::exception& error) {  // memory has run out, or a library of set-up gave up
    std::fprintf(stderr, "postern: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
