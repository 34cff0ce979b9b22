#include "proxy/cli/cli.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Result<Command> run(const Words& words) {
  std::vector<const char*> argv = {"postern"};
  for (const std::string& word : words) {
    argv.push_back(word.c_str());
  }
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

Words gateway(const Words& more = {}) {
  Words words = {"--listen", "127.0.0.1:993", "--backend", "mail", "--cert", "c", "--key", "k"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Command accepted(const Words& words) {
  const Result<Command> command = run(words);
  if (command) {
    return command.value();
  }
  for (const Fault& fault : command.faults()) {
    ADD_FAILURE() << fault.text();
  }
  return {};
}

Words refused(const Words& words) {
  const Result<Command> command = run(words);
  if (command) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  Words texts;
  for (const Fault& fault : command.faults()) {
    texts.push_back(fault.text());
  }
  return texts;
}

std::string config_file(const std::string& level = "info") {
  const std::string path = testing::TempDir() + "/cli_test_" + level + ".yaml";
  std::ofstream(path) << "listeners: [{address: '127.0.0.1:993'}]\n"
                         "tls: {certificates: [{chain: c, key: k}]}\n"
                         "backends: {legacy: {servers: [mail]}}\n"
                         "log: {level: "
                      << level << "}\n";
  return path;
}

TEST(Cli, MakesAGatewayFromFlagsAlone) {
  const Command command = accepted(gateway());
  EXPECT_EQ(command.kind, Command::Kind::Serve);
  EXPECT_EQ(command.config_path, "");
  const Config& config = command.config;
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].address.text(), "127.0.0.1:993");
  ASSERT_EQ(config.backends.size(), 1U);
  EXPECT_EQ(config.backends[0].servers[0].text(), "mail:143");
  EXPECT_EQ(config.backends[0].tls, BackendTls::None);
  ASSERT_EQ(config.tls.certificates.size(), 1U);
  EXPECT_EQ(config.tls.certificates[0].chain, "c");
  EXPECT_EQ(config.tls.certificates[0].key, "k");
  EXPECT_EQ(config.tls.certificates[0].where, "--cert");
}

TEST(Cli, PreflightBelongsToCheck) {
  EXPECT_TRUE(accepted(gateway({"check", "--preflight"})).preflight);
  EXPECT_FALSE(accepted(gateway({"check"})).preflight);
  EXPECT_THAT(refused(gateway({"--preflight"})),
              ElementsAre("--preflight belongs to check: postern check --preflight"));
}

TEST(Cli, ProbesAServer) {
  Command command = accepted({"probe", "mail.example.org"});
  EXPECT_EQ(command.kind, Command::Kind::Probe);
  EXPECT_EQ(command.probe.target.host, "mail.example.org");
  EXPECT_EQ(command.probe.target.port, 0);
  EXPECT_EQ(command.probe.timeout_ms, probe::Request::kTimeoutMs);
  EXPECT_FALSE(command.json);
  command = accepted({"probe", "[::1]:1143", "--json", "--timeout", "2s", "--ca", "ca.pem",
                      "--name", "mail.test"});
  EXPECT_EQ(command.probe.target.text(), "[::1]:1143");
  EXPECT_EQ(accepted({"probe", "2001:db8::1"}).probe.target.text(), "[2001:db8::1]:0");
  EXPECT_EQ(command.probe.timeout_ms, 2'000U);
  EXPECT_EQ(command.probe.ca_file, "ca.pem");
  EXPECT_EQ(command.probe.name, "mail.test");
  EXPECT_TRUE(command.json);
}

TEST(Cli, ProbesWithALogin) {
  const Command command = accepted({"probe", "a", "--login", "anna", "--password-file", "f"});
  EXPECT_EQ(command.login, "anna");
  EXPECT_EQ(command.password_file, "f");
  EXPECT_THAT(refused({"probe", "a", "--password-file", "f"}),
              ElementsAre(HasSubstr("belongs to --login")));
  EXPECT_THAT(refused({"probe", "--config", config_file(), "--login", "anna"}),
              ElementsAre(HasSubstr("--login belongs to a probe of one server")));
  EXPECT_THAT(refused({"probe", "a", "--login", "anna\nx"}),
              ElementsAre(HasSubstr("is no user name")));
}

TEST(Cli, ProbesItsOwnGateway) {
  const Command command = accepted({"probe", "--config", config_file(), "--json"});
  EXPECT_EQ(command.kind, Command::Kind::ProbeGateway);
  EXPECT_EQ(command.config.backends.size(), 1U);
  EXPECT_TRUE(command.json);
}

TEST(Cli, RefusesAProbeOfNothing) {
  EXPECT_THAT(refused({"probe"}), ElementsAre(HasSubstr("probe needs a server")));
  EXPECT_THAT(refused({"probe", "a", "--config", config_file()}),
              ElementsAre("probe takes a server or --config, not both"));
  EXPECT_THAT(refused({"probe", "a:0", "--timeout", "5"}),
              ElementsAre(HasSubstr("probe: \"a:0\" is no HOST[:PORT]"),
                          HasSubstr("--timeout: \"5\" has no unit")));
  EXPECT_THAT(refused({"probe", "a", "b"}), ElementsAre(HasSubstr("\"b\" is no command")));
  EXPECT_THAT(refused({"probe", "a", "--listen", "127.0.0.1:1"}),
              ElementsAre(HasSubstr("probe takes no --listen")));
  EXPECT_THAT(refused(gateway({"--ca", "f"})), ElementsAre(HasSubstr("--ca belongs to probe")));
}

TEST(Cli, TakesEveryFlag) {
  const Command command = accepted({"serve",
                                    "--listen",
                                    "127.0.0.1:0",
                                    "--listen=127.0.0.1:1",
                                    "--listen-starttls",
                                    "[::1]:143",
                                    "--backend",
                                    "a",
                                    "--backend",
                                    "b:1",
                                    "--backend-tls",
                                    "implicit",
                                    "--backend-ca",
                                    "ca.pem",
                                    "--self-signed",
                                    "--policy",
                                    "modern",
                                    "--workers",
                                    "3",
                                    "--admin",
                                    "127.0.0.1:9143",
                                    "--log-level",
                                    "warn",
                                    "--log-format",
                                    "json"});
  const Config& config = command.config;
  ASSERT_EQ(config.listeners.size(), 3U);
  EXPECT_EQ(config.listeners[2].tls, ListenerTls::StartTls);
  ASSERT_EQ(config.backends.size(), 1U);
  const BackendConfig& backend = config.backends[0];
  ASSERT_EQ(backend.servers.size(), 2U);
  EXPECT_EQ(backend.servers[0].text(), "a:993");
  EXPECT_EQ(backend.verify.ca_file, "ca.pem");
  EXPECT_TRUE(config.tls.self_signed);
  EXPECT_EQ(config.tls.policy.name, "modern");
  EXPECT_EQ(config.workers, 3U);
  EXPECT_EQ(config.admin->text(), "127.0.0.1:9143");
  EXPECT_EQ(config.log_level, log::Level::Warn);
  EXPECT_EQ(config.log_format, log::Format::Json);
}

TEST(Cli, PairsCertificatesWithKeysInOrder) {
  const Command command = accepted(gateway({"--cert", "d", "--key", "l"}));
  ASSERT_EQ(command.config.tls.certificates.size(), 2U);
  EXPECT_EQ(command.config.tls.certificates[1].chain, "d");
  EXPECT_EQ(command.config.tls.certificates[1].key, "l");
}

TEST(Cli, WarnsAboutAnUnverifiedBackend) {
  const Command command = accepted(gateway({"--backend-tls", "starttls", "--backend-insecure"}));
  EXPECT_EQ(command.config.backends.at(0).verify.mode, tls::Verification::Mode::None);
  ASSERT_EQ(command.config.warnings.size(), 1U);
  EXPECT_THAT(command.config.warnings[0].text(), HasSubstr("--backend-insecure"));
}

TEST(Cli, ServesAFile) {
  const std::string path = config_file();
  for (const Words& words : {Words{"--config", path}, Words{"serve", "-c", path}}) {
    const Command command = accepted(words);
    EXPECT_EQ(command.kind, Command::Kind::Serve);
    EXPECT_EQ(command.config_path, path);
    EXPECT_EQ(command.config.backends.size(), 1U);
  }
}

TEST(Cli, ChecksAFileOrFlags) {
  EXPECT_EQ(accepted({"check", "--config", config_file()}).kind, Command::Kind::Check);
  EXPECT_EQ(accepted({"--config", config_file(), "check"}).kind, Command::Kind::Check);
  Words words = gateway();
  words.insert(words.begin(), "check");
  EXPECT_EQ(accepted(words).kind, Command::Kind::Check);
}

TEST(Cli, LetsTheLogLevelOverrideTheFile) {
  const std::string path = config_file("warn");
  EXPECT_EQ(accepted({"--config", path}).config.log_level, log::Level::Warn);
  EXPECT_EQ(accepted({"--config", path}).log_level, std::nullopt);
  const Command command = accepted({"--config", path, "--log-level", "debug"});
  EXPECT_EQ(command.config.log_level, log::Level::Debug);
  EXPECT_EQ(command.log_level, log::Level::Debug);
  EXPECT_THAT(refused({"--config", path, "--log-level", "loud"}),
              ElementsAre("--log-level: \"loud\" is none of debug, info, warn, error"));
}

TEST(Cli, HasARunningGatewayAct) {
  Command command = accepted({"admin", "ban", "client=192.0.2.7", "for=1h", "--address",
                              "[::1]:9143", "--token-file", "t", "--json", "--timeout", "2s"});
  EXPECT_EQ(command.kind, Command::Kind::Admin);
  EXPECT_EQ(command.admin.action, metrics::AdminPath::Ban);
  EXPECT_EQ(command.admin.fields,
            (http::Form{{.name = "client", .value = "192.0.2.7"}, {.name = "for", .value = "1h"}}));
  EXPECT_EQ(command.admin.endpoint.text(), "[::1]:9143");
  EXPECT_EQ(command.admin.token_file, "t");
  EXPECT_EQ(command.admin.timeout_ms, 2'000U);
  EXPECT_TRUE(command.admin.json);
  EXPECT_THAT(refused({"admin", "reload", "--config", config_file()}),
              ElementsAre("the configuration has no admin.address",
                          "the configuration has no admin.token_file"));
  EXPECT_THAT(refused({"admin", "explode", "x", "--address", "a:0", "--token-file", "t"}),
              ElementsAre(HasSubstr("\"explode\" is no action; there are drain, undrain"),
                          HasSubstr("\"x\" is no field"), HasSubstr("\"a:0\" is no HOST:PORT")));
  EXPECT_THAT(refused(gateway({"--token-file", "t"})),
              ElementsAre(HasSubstr("--token-file belongs to admin")));
  EXPECT_THAT(refused({"admin", "reload", "--login", "anna"}),
              ElementsAre(HasSubstr("--login belongs to probe")));
}

TEST(Cli, AsksTheAdminEndpointOverTls) {
  const Words words = {"admin", "reload", "--address", "gw:9143", "--token-file", "t"};
  const auto with = [&words](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return accepted(all).admin;
  };
  EXPECT_FALSE(with({}).tls.has_value());
  const auto by_authority = with({"--ca", "ca.pem"}).tls;
  ASSERT_TRUE(by_authority.has_value());
  EXPECT_EQ(by_authority->ca_file, "ca.pem");
  EXPECT_EQ(by_authority->name, "");
  const auto by_name = with({"--name", "gw.internal"}).tls;
  ASSERT_TRUE(by_name.has_value());
  EXPECT_EQ(by_name->ca_file, "") << "the system's authorities";
  EXPECT_EQ(by_name->name, "gw.internal");
  EXPECT_THAT(refused(gateway({"--ca", "ca.pem"})),
              ElementsAre(HasSubstr("--ca belongs to probe and admin")));
}

TEST(Cli, PrintsTheReference) {
  EXPECT_EQ(accepted({"config-reference"}).kind, Command::Kind::ConfigReference);
}

TEST(Cli, ShowsHelpWithEveryFlagAndCommand) {
  for (const Words& words :
       {Words{"--help"}, Words{"check", "--help"}, Words{"-h", "--nonsense"}}) {
    const Command command = accepted(words);
    EXPECT_EQ(command.kind, Command::Kind::Help);
    for (const char* word : {"serve",
                             "check",
                             "probe",
                             "config-reference",
                             "--config",
                             "--listen",
                             "--listen-starttls",
                             "--backend",
                             "--backend-tls",
                             "--backend-ca",
                             "--backend-insecure",
                             "--cert",
                             "--key",
                             "--self-signed",
                             "--policy",
                             "--workers",
                             "--admin",
                             "--log-level",
                             "--log-format",
                             "--version"}) {
      EXPECT_THAT(command.text, HasSubstr(word));
    }
  }
}

TEST(Cli, ShowsItsVersion) {
  const Command command = accepted({"--version"});
  EXPECT_EQ(command.kind, Command::Kind::Version);
  EXPECT_THAT(command.text, testing::StartsWith("postern 0."));
}

TEST(Cli, RefusesBothFormsAtOnce) {
  EXPECT_THAT(refused({"--config", config_file(), "--workers", "2", "--listen", "127.0.0.1:1"}),
              ElementsAre(testing::AllOf(HasSubstr("--config excludes --listen, --workers"),
                                         HasSubstr("leave --config out"))));
}

TEST(Cli, SaysWhatIsMissing) {
  EXPECT_THAT(refused({}), ElementsAre(HasSubstr("name a file with --config")));
  EXPECT_THAT(refused({"check"}), ElementsAre(HasSubstr("name a file with --config")));
  EXPECT_THAT(refused({"--workers", "2"}),
              ElementsAre(HasSubstr("--listen is missing"), HasSubstr("--backend is missing"),
                          HasSubstr("--cert and --key are missing")));
}

TEST(Cli, SaysWhichFlagLacksItsValue) {
  EXPECT_THAT(refused({"--listen"}), ElementsAre("--listen needs a value: IP:PORT"));
  EXPECT_THAT(refused({"-c"}), ElementsAre("--config needs a value: FILE"));
  EXPECT_THAT(
      refused({"--backend", "--self-signed", "--admin"}),
      ElementsAre("--backend needs a value: HOST[:PORT]", "--admin needs a value: IP:PORT"));
}

TEST(Cli, SaysWhichFlagIsRepeated) {
  EXPECT_THAT(refused({"--config", "a", "--config=b"}),
              ElementsAre("--config is given 2 times; once is allowed"));
  EXPECT_THAT(refused({"check", "serve", "--config", "f"}),
              ElementsAre("\"serve\" is one command too many"));
}

TEST(Cli, NamesAllUnknownFlagsAndCommandsAtOnce) {
  EXPECT_THAT(
      refused(gateway({"--worker", "2", "--nonsense\x1b"})),
      ElementsAre("\"--worker\" is no flag; did you mean \"--workers\"?; see postern --help",
                  HasSubstr("\"2\" is no command"), HasSubstr("\"--nonsense\\x1b\" is no flag")));
  EXPECT_THAT(refused({"chekc", "--config", "f"}),
              ElementsAre(HasSubstr("\"chekc\" is no command; did you mean \"check\"?")));
}

TEST(Cli, RefusesAllBadValuesAtOnce) {
  EXPECT_THAT(refused({"--listen", "x", "--backend", "a:0x", "--backend-tls", "tls", "--cert", "c",
                       "--workers", "0", "--policy", "old"}),
              testing::UnorderedElementsAre(
                  HasSubstr("--listen: \"x\""), HasSubstr("--backend: \"a:0x\""),
                  HasSubstr("--backend-tls: \"tls\" is none of none, starttls, implicit"),
                  HasSubstr("--cert is given 1 times and --key 0 times"),
                  HasSubstr("--workers: \"0\" is neither auto"),
                  HasSubstr("--policy: \"old\" is none of modern, intermediate")));
}

TEST(Cli, RefusesContradictions) {
  EXPECT_THAT(refused(gateway({"--self-signed"})),
              ElementsAre(HasSubstr("--self-signed contradicts")));
  EXPECT_THAT(
      refused(gateway({"--backend-tls", "starttls", "--backend-ca", "f", "--backend-insecure"})),
      ElementsAre("--backend-insecure contradicts --backend-ca"));
  EXPECT_THAT(refused(gateway({"--backend-ca", "f"})),
              ElementsAre(HasSubstr("--backend-ca: there is no certificate to verify")));
}

}  // namespace
}  // namespace postern
