#include "proxy/cli/cli.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "proxy/admin/admin_action.h"
#include "proxy/cli/internal/parts.h"
#include "proxy/config/diagnostics.h"
#include "proxy/config/flags.h"
#include "proxy/config/values.h"
#include "proxy/log/escape.h"
#include "proxy/version.h"

namespace postern {
namespace {

using config::Flags;

constexpr char kFooter[] =
    "Examples:\n"
    "  postern --config postern.yaml\n"
    "  postern check --config postern.yaml --preflight\n"
    "  postern --listen 0.0.0.0:993 --backend mail.internal --cert tls.crt --key tls.key\n"
    "  postern probe mail.example.org\n"
    "  postern admin --config postern.yaml drain server=mail1.internal:143\n"
    "  postern config-reference > postern.yaml\n"
    "\n"
    "Exit status of probe: 0 good, 3 fair, 4 poor, 5 failed; of admin: 0 it is done, 1 not; of "
    "all\n"
    "commands: 2 the command line or the configuration is at fault, 1 what they lead to.\n"
    "Signals: SIGHUP reloads, SIGUSR2 upgrades to the program now in place, SIGTERM, SIGINT and\n"
    "SIGQUIT drain and exit, a second one exits now.";

void define_commands(CLI::App& app, Extras& extras) {
  app.add_subcommand("serve", "Run the gateway; this is what happens without a command");
  app.add_subcommand("check", "Read the configuration, report every fault, and exit");
  app.add_subcommand(
         "probe",
         "Look at any IMAP server from outside, HOST[:PORT]: what keeps clients from it, "
         "and what to do")
      ->add_option("target", extras.target, "993 and 143 without a port")
      ->type_name("HOST[:PORT]");
  CLI::App* admin = app.add_subcommand(
      "admin", "Have a running gateway act: drain a server, end sessions, ban clients, reload");
  admin->add_option("action", extras.action, admin::names_of_actions())->type_name("ACTION");
  admin->add_option("fields", extras.fields, "What of, as docs/operation.md has it")
      ->type_name("NAME=VALUE");
  app.add_subcommand("config-reference",
                     "Print every key with its default or an example: a file to edit and start");
  app.require_subcommand(0, 1);
  // Flags may stand before and after the command; unknown_words() reports what neither defines.
  for (CLI::App* command : app.get_subcommands({})) {
    command->fallthrough()->allow_extras()->set_help_flag();
  }
  app.allow_extras();
}

// A flag that may be given several times, with one value each.
void repeatable(CLI::App& app, const char* name, std::vector<std::string>& to, const char* form,
                const char* doc) {
  app.add_option(name, to, doc)->allow_extra_args(false)->type_name(form)->group(kGateway);
}

CLI::Option* single(CLI::App& app, const char* name, std::optional<std::string>& to,
                    const char* form, const char* doc) {
  return app.add_option(name, to, doc)->type_name(form)->group(kGateway);
}

void define_flags(CLI::App& app, Flags& flags) {
  app.add_option("-c,--config", flags.config, "The configuration file")->type_name("FILE");
  single(app, "--log-level", flags.log_level, "LEVEL",
         "debug, info, warn or error; with --config it overrides the file")
      ->group("Options");
  repeatable(app, "--listen", flags.listen, "IP:PORT", "Listen with TLS from the first byte (993)");
  repeatable(app, "--listen-starttls", flags.listen_starttls, "IP:PORT",
             "Listen with mandatory STARTTLS (143)");
  repeatable(app, "--backend", flags.backend, "HOST[:PORT]",
             "The IMAP server; the default port is 143, or 993 with implicit TLS");
  single(app, "--backend-tls", flags.backend_tls, "HOW",
         "none (default), starttls or implicit: the hop to the backend");
  single(app, "--backend-ca", flags.backend_ca, "FILE",
         "Authorities for the backend's certificate; without it the system's");
  app.add_flag("--backend-insecure", flags.backend_insecure,
               "Don't verify the backend's certificate")
      ->group(kGateway);
  repeatable(app, "--cert", flags.cert, "FILE", "Certificate chain, PEM, leaf first");
  repeatable(app, "--key", flags.key, "FILE", "Private key of the --cert at the same place");
  app.add_flag("--self-signed", flags.self_signed,
               "Make a throw-away certificate, to try things out")
      ->group(kGateway);
  single(app, "--policy", flags.policy, "NAME",
         "modern (TLS 1.3) or intermediate (1.2 and 1.3, default)");
  single(app, "--workers", flags.workers, "N", "Threads: auto (default) or 1 to 256");
  single(app, "--admin", flags.admin, "IP:PORT", "Metrics and health, HTTP in clear");
  single(app, "--log-format", flags.log_format, "FORMAT", "text (default), json or opentelemetry");
}

void define_extras(CLI::App& app, Extras& extras) {
  app.add_flag("--preflight", extras.preflight,
               "With check: ask each server, too, and say what keeps clients from it");
  single(app, "--user", extras.user, "USER",
         "With check: say which backend this user comes to, and by which rule")
      ->group("Options");
  const auto probes = [&](const char* name, std::optional<std::string>& to, const char* form,
                          const char* doc) {
    return single(app, name, to, form, doc)->group(kProbe);
  };
  probes("--name", extras.name, "NAME", "The name that the certificate must be for, and SNI")
      ->group(kAsking);
  probes("--ca", extras.ca, "FILE", "Authorities to trust in place of the system's, PEM")
      ->group(kAsking);
  probes("--timeout", extras.timeout, "TIME", "For everything, 9s by default")->group(kAsking);
  probes("--login", extras.login, "USER",
         "Log this user in, where TLS and certificate are good, and look around");
  probes("--password-file", extras.password_file, "FILE",
         "Its first line is the password; without it the terminal is asked");
  app.add_flag("--json", extras.json, "The report or answer for programs")->group(kAsking);
  single(app, "--address", extras.address, "HOST:PORT", "The admin endpoint, if not the file's")
      ->group(kAdmin);
  single(app, "--token-file", extras.token_file, "FILE", "Its token, if not the file's")
      ->group(kAdmin);
}

std::string version_text() {
  const std::string revision = kRevision;
  return std::string("postern ") + kVersion + (revision.empty() ? "" : " (" + revision + ")") +
         "\n" + kBoringSsl + "\n";
}

Command text_command(Command::Kind kind, std::string text) {
  Command command;
  command.kind = kind;
  command.text = std::move(text);
  return command;
}

Faults unknown_words(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    flags.push_back(option->get_name());
  }
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) {
    commands.push_back(command->get_name());
  }
  Faults faults;
  for (const std::string& word : app.remaining(true)) {
    if (std::find(commands.begin(), commands.end(), word) != commands.end()) {
      faults.push_back({"", in_quotes(word) + " is one command too many"});
      continue;
    }
    const bool is_flag = word.starts_with("-");
    faults.push_back(
        {"", in_quotes(word) + (is_flag ? " is no flag" : " is no command") +
                 config::did_you_mean(word, is_flag ? flags : commands) +
                 (is_flag ? "; see postern --help" : "; there are " + config::join(commands))});
  }
  return faults;
}

bool repeats(const CLI::Option& option) {
  return option.get_expected_max() > 1;
}

// Says in words of ours what CLI11's ArgumentMismatch means: a flag without its value, or given
// twice.
Faults mismatches(const CLI::App& app, std::span<const char* const> words) {
  Faults faults;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) {  // takes no value
      continue;
    }
    size_t count = 0;
    bool empty = false;
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string_view word = words[i];
      const std::string_view name = word.substr(0, word.find('='));
      const bool is_this = name.starts_with("--")
                               ? option->check_lname(std::string(name.substr(2)))
                               : name.size() == 2 && name[0] == '-' &&
                                     option->check_sname(std::string(name.substr(1)));
      if (!is_this) {
        continue;
      }
      ++count;
      const bool has_value = name != word || (i + 1 < words.size() &&
                                              !std::string_view(words[i + 1]).starts_with("--"));
      empty = empty || !has_value;
    }
    const std::string name = option->get_name();
    if (empty) {
      faults.push_back({"", name + " needs a value: " + option->get_type_name()});
    } else if (count > 1 && !repeats(*option)) {
      faults.push_back(
          {"", name + " is given " + std::to_string(count) + " times; once is allowed"});
    }
  }
  return faults;
}

// What has no sentence of ours. CLI11 repeats the words it was given.
Fault parser_fault(const CLI::ParseError& error) {
  Fault fault{"", ""};
  append_escaped(fault.message, error.what(), 200);
  fault.message += "; see postern --help";
  return fault;
}

Result<Config> read_config(const CLI::App& app, const Flags& flags) {
  const bool has_file = app.count("--config") > 0;
  const std::vector<std::string> others = flags_of(app, kGateway);
  if (has_file && !others.empty()) {
    return Fault{"", "--config excludes " + config::join(others) +
                         ": write them into the file, or leave --config out"};
  }
  if (!has_file && others.empty()) {
    return Fault{
        "",
        "there is nothing to do: name a file with --config, or at least --listen, --backend "
        "and --cert with --key; see postern --help"};
  }
  return has_file ? config::from_file(flags) : config::from_flags(flags);
}

Result<Command> read_command(const CLI::App& app, const Flags& flags, const Extras& extras) {
  if (const Faults unknown = unknown_words(app); !unknown.empty()) {
    return unknown;
  }
  const bool probes = app.got_subcommand("probe");
  const bool acts = app.got_subcommand("admin");
  if (const auto others = flags_of(app, kProbe); !others.empty() && !probes) {
    return Fault{"", config::join(others) + " belongs to probe: postern probe HOST[:PORT]"};
  }
  if (const auto others = flags_of(app, kAdmin); !others.empty() && !acts) {
    return Fault{"", config::join(others) + " belongs to admin: postern admin ACTION"};
  }
  if (const auto others = flags_of(app, kAsking); !others.empty() && !probes && !acts) {
    return Fault{"", config::join(others) + " belongs to probe and admin"};
  }
  if (probes || acts) {
    return probes ? read_probe(app, flags, extras) : read_admin(app, flags, extras);
  }
  Command command;
  if (app.got_subcommand("config-reference")) {
    command.kind = Command::Kind::ConfigReference;
    return command;
  }
  if (app.got_subcommand("check")) {
    command.kind = Command::Kind::Check;
  }
  if (extras.preflight && command.kind != Command::Kind::Check) {
    return Fault{"", "--preflight belongs to check: postern check --preflight"};
  }
  if (extras.user && command.kind != Command::Kind::Check) {
    return Fault{"", "--user belongs to check: postern check --user anna@example.org"};
  }
  command.preflight = extras.preflight;
  command.user = extras.user;
  Result<Config> read = read_config(app, flags);
  if (!read) {
    return read.faults();
  }
  command.config = std::move(read.value());
  command.config_path = flags.config;
  if (flags.log_level) {
    command.log_level = command.config.log_level;
  }
  return command;
}

}  // namespace

std::vector<std::string> flags_of(const CLI::App& app, const char* group) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group() == group && option->count() > 0) {
      names.push_back(option->get_name());
    }
  }
  return names;
}

// CLI11 reports by exception; none leaves this function.
Result<Command> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("TLS in front of any IMAP server.", "postern");
  Flags flags;
  app.set_version_flag("--version", version_text());
  Extras extras;
  define_flags(app, flags);
  define_extras(app, extras);
  define_commands(app, extras);
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return text_command(Command::Kind::Help, app.get_formatter()->make_help(
                                                 &app, "postern", CLI::AppFormatMode::Normal));
  } catch (const CLI::CallForVersion&) {
    return text_command(Command::Kind::Version, version_text());
  } catch (const CLI::ArgumentMismatch& error) {
    const Faults faults = mismatches(app, {argv + 1, static_cast<size_t>(argc) - 1});
    if (!faults.empty()) {
      return faults;
    }
    return parser_fault(error);
  } catch (const CLI::ParseError& error) {
    return parser_fault(error);
  }
  return read_command(app, flags, extras);
}

}  // namespace postern
