#include "proxy/config/config.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config/control_groups.h"
#include "proxy/config/internal/table.h"
#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"

namespace postern {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kMinimal[] =
    "listeners: [{address: '127.0.0.1:993'}]\n"
    "tls: {certificates: [{chain: a.crt, key: a.key}]}\n"
    "backends: {legacy: {servers: [mail]}}\n";

Config parse(const std::string& yaml, const std::string& folder = "") {
  Result<Config> config = Config::parse(yaml, "p.yaml", folder);
  if (config) {
    return config.value();
  }
  for (const Fault& fault : config.faults()) {
    ADD_FAILURE() << fault.text();
  }
  return {};
}

Config with(const std::string& more) {
  return parse(kMinimal + more);
}

std::vector<std::string> texts(const Faults& faults) {
  std::vector<std::string> out;
  for (const Fault& fault : faults) {
    out.push_back(fault.text());
  }
  return out;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Config, NeedsOnlyListenerCertificateAndBackend) {
  const Config config = parse(kMinimal);
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].address.text(), "127.0.0.1:993");
  EXPECT_EQ(config.listeners[0].text, "127.0.0.1:993");
  EXPECT_EQ(config.listeners[0].tls, ListenerTls::Implicit);
  EXPECT_EQ(config.tls.policy.name, "intermediate");
  ASSERT_EQ(config.backends.size(), 1U);
  EXPECT_EQ(config.backends[0].name, "legacy");
  EXPECT_EQ(config.backends[0].client_identity, ClientIdentity::None);
  EXPECT_TRUE(config.listeners[0].proxies.empty());
  EXPECT_EQ(config.default_backend, 0U);
  EXPECT_THAT(config.warnings, testing::IsEmpty());
}

TEST(Config, ReadsDurationsAsPeopleWriteThem) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {b: {servers: [h]}}\n"
      "timeouts: {idle: 1h30m, login: 1m30s500ms, drain: 1d}\n",
      "");
  EXPECT_EQ(config.timeouts.idle_ms, 5'400'000U);
  EXPECT_EQ(config.timeouts.login_ms, 90'500U);
  EXPECT_EQ(config.timeouts.drain_ms, 86'400'000U);
}

TEST(Config, ReadsEveryKey) {
  const Config config = parse(
      read(std::string(POSTERN_SOURCE) + "/tests/fuzz/corpus/config/full.yaml"), "/etc/postern");
  EXPECT_EQ(config.workers, 2U);
  EXPECT_EQ(config.listeners[0].address.text(), "[::1]:993");
  ASSERT_EQ(config.listeners[0].proxies.size(), 2U);
  EXPECT_EQ(config.listeners[0].proxies[1].text(), "2001:db8::/32");
  EXPECT_EQ(config.tls.policy.name, "custom");
  EXPECT_THAT(config.tls.policy.ciphers, ElementsAre("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
  EXPECT_THAT(config.tls.policy.groups, ElementsAre("X25519"));
  ASSERT_EQ(config.backends.size(), 2U);
  const BackendConfig& b = config.backends[0];
  ASSERT_EQ(b.servers.size(), 2U);
  EXPECT_EQ(b.servers[0].text(), "h:143");
  EXPECT_EQ(b.servers[0].weight, 1U);
  EXPECT_EQ(b.servers[1].text(), "i:1");
  EXPECT_EQ(b.servers[1].weight, 3U);
  EXPECT_EQ(b.servers[1].max_sessions, 10U);
  EXPECT_TRUE(b.servers[1].backup);
  EXPECT_FALSE(b.servers[1].drain);
  EXPECT_EQ(b.tls, BackendTls::StartTls);
  EXPECT_EQ(b.verify.mode, tls::Verification::Mode::None);
  EXPECT_EQ(b.min_version, tls::Version::Tls10);
  EXPECT_EQ(b.balance, Balance::ClientHash);
  EXPECT_EQ(b.client_identity, ClientIdentity::ProxyV2);
  const BackendConfig& c = config.backends[1];
  EXPECT_EQ(c.tls, BackendTls::Implicit);
  EXPECT_EQ(c.verify.mode, tls::Verification::Mode::Verify);
  EXPECT_EQ(c.verify.ca_file, "/etc/postern/c");
  EXPECT_EQ(c.verify.name, "n.example");
  EXPECT_EQ(c.verify.pins_sha256.size(), 1U);
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].sni, "*.example.org");
  EXPECT_EQ(config.routes[0].backend, 1U);
  EXPECT_EQ(config.default_backend, 0U);
  EXPECT_EQ(config.limits.sessions, 10U);
  EXPECT_EQ(config.limits.sessions_per_address, 1U);
  EXPECT_EQ(config.limits.handshakes_in_flight, 5U);
  EXPECT_EQ(config.timeouts.handshake_ms, 500U);
  EXPECT_EQ(config.timeouts.login_ms, 60'000U);
  EXPECT_EQ(config.timeouts.connect_ms, 5'000U);
  EXPECT_EQ(config.timeouts.idle_ms, 3'600'000U);
  EXPECT_EQ(config.timeouts.drain_ms, 0U);
  EXPECT_EQ(config.admin->text(), "127.0.0.1:0");
  EXPECT_EQ(config.log_format, log::Format::Json);
  EXPECT_EQ(config.log_level, log::Level::Debug);
}

TEST(Config, ResolvesRelativePathsInTheFilesFolder) {
  const std::string yaml =
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls:\n"
      "  certificates: [{chain: a.crt, key: /k/a.key}]\n"
      "  ticket_secret: t\n"
      "backends: {legacy: {servers: [mail]}}\n";
  const Config config = parse(yaml, "/etc/postern");
  ASSERT_EQ(config.tls.certificates.size(), 1U);
  EXPECT_EQ(config.tls.certificates[0].chain, "/etc/postern/a.crt");
  EXPECT_EQ(config.tls.certificates[0].key, "/k/a.key");
  EXPECT_EQ(config.tls.certificates[0].where, "p.yaml:3");
  EXPECT_EQ(config.tls.ticket_secret, "/etc/postern/t");
  EXPECT_EQ(parse(yaml).tls.certificates[0].chain, "a.crt");
}

TEST(Config, ChoosesTheServersPortByTheHopsTls) {
  const std::string start =
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n";
  // The servers may come before `tls`.
  const Config config = parse(start +
                              "backends:\n"
                              "  a: {servers: [mail, 'mail:1']}\n"
                              "  b: {servers: [mail], tls: starttls}\n"
                              "  c: {servers: ['[::1]', '[::1]:2'], tls: implicit}\n"
                              "default_backend: b\n");
  ASSERT_EQ(config.backends.size(), 3U);
  EXPECT_EQ(config.backends[0].servers[0].text(), "mail:143");
  EXPECT_EQ(config.backends[0].servers[1].text(), "mail:1");
  EXPECT_EQ(config.backends[1].servers[0].text(), "mail:143");
  EXPECT_EQ(config.backends[2].servers[0].text(), "[::1]:993");
  EXPECT_EQ(config.backends[2].servers[1].text(), "[::1]:2");
}

TEST(Config, KeepsBackendsInTheOrderOfTheFile) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {z: {servers: [mail]}, a: {servers: [mail]}}\n"
      "default_backend: a\n");
  ASSERT_EQ(config.backends.size(), 2U);
  EXPECT_EQ(config.backends[0].name, "z");
  EXPECT_EQ(config.default_backend, 1U);
}

TEST(Config, LetsListenersShareThePortThatTheKernelChooses) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:0'}, {address: '127.0.0.1:0', tls: starttls}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {legacy: {servers: [mail]}}\n"
      "admin: {address: '127.0.0.1:0'}\n");
  EXPECT_EQ(config.listeners.size(), 2U);
}

TEST(Config, LowersTheCaseOfRoutes) {
  const Config config = with("routes: [{sni: '*.Example.ORG', backend: legacy}]\n");
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].sni, "*.example.org");
}

TEST(Config, ReadsAliases) {
  const Config config =
      with("log: &log {level: warn}\nlimits: {sessions: &n 7, sessions_per_address: *n}\n");
  EXPECT_EQ(config.limits.sessions_per_address, 7U);
}

TEST(Config, UsesAtLeastOneWorkerForAuto) {
  const Config config = with("workers: auto\n");
  EXPECT_GE(config.workers, 1U);
  EXPECT_LE(config.workers, 256U);
}

TEST(Config, OmitsSuitesOfTls12WhenOnly13IsAllowed) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {policy: {min_version: 1.3}, certificates: [{chain: a, key: b}]}\n"
      "backends: {legacy: {servers: [mail]}}\n");
  EXPECT_EQ(config.tls.policy.min_version, tls::Version::Tls13);
  EXPECT_THAT(config.tls.policy.ciphers, testing::IsEmpty());
  EXPECT_THAT(config.tls.policy.groups, testing::Contains("X25519"));
}

TEST(Config, WarnsAboutIdleLimitsThatCutClientsOff) {
  EXPECT_THAT(texts(with("timeouts:\n  idle: 1799s\n").warnings),
              ElementsAre(testing::AllOf(HasSubstr("p.yaml:5: timeouts.idle: \"1799s\" is below"),
                                         HasSubstr("RFC 9051"))));
  EXPECT_THAT(texts(with("timeouts:\n  idle: 30m\n").warnings),
              ElementsAre(HasSubstr("p.yaml:5: timeouts.idle: \"30m\" races with clients")));
  EXPECT_THAT(with("timeouts:\n  idle: 31m\n").warnings, testing::IsEmpty());
}

TEST(Config, WarnsOfActionsThatNobodyCanReach) {
  const std::string token = "  token_file: token\n";
  EXPECT_THAT(texts(with("admin:\n  address: 192.0.2.2:9143\n" + token).warnings),
              ElementsAre(HasSubstr("admin.token_file: ")));
  for (const char* reached : {"127.0.0.1:9143", "'[::1]:9143'", "0.0.0.0:9143"}) {
    EXPECT_THAT(with("admin:\n  address: " + std::string(reached) + "\n" + token).warnings,
                testing::IsEmpty())
        << reached;
  }
}

TEST(Config, WarnsAboutUnverifiedAndOutdatedBackends) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends:\n"
      "  a:\n"
      "    servers: [mail]\n"
      "    tls: starttls\n"
      "    verify: none\n"
      "    min_version: 1.1\n"
      "  b: {servers: [mail],\n"
      "      min_version: 1.0}\n"
      "default_backend: a\n");
  EXPECT_THAT(texts(config.warnings),
              ElementsAre(HasSubstr("p.yaml:7: backends.a.verify: \"none\" means"),
                          HasSubstr("p.yaml:8: backends.a.min_version: \"1.1\" allows"),
                          HasSubstr("p.yaml:10: backends.b.min_version: \"1.0\" has no effect")));
}

TEST(Config, WarnsAboutProxiesThatCouldBeAnybody) {
  const Config config = parse(
      "listeners:\n"
      "  - address: '127.0.0.1:993'\n"
      "    proxy_protocol: {from: [10.0.0.0/8, '::/0']}\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {legacy: {servers: [mail]}}\n");
  EXPECT_EQ(config.listeners[0].proxies.size(), 2U);
  EXPECT_THAT(
      texts(config.warnings),
      ElementsAre(HasSubstr("p.yaml:3: listeners[0].proxy_protocol.from[1]: \"::/0\" lets")));
}

TEST(Config, WarnsAboutAServerWithThePortOfAnotherWay) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends:\n"
      "  a: {servers: ['mail:993']}\n"
      "  b: {servers: [mail, 'mail2:993'], tls: starttls}\n"
      "  c: {servers: [mail, 'mail2:143'], tls: implicit}\n"
      "  d: {servers: ['mail:143']}\n"
      "default_backend: a\n");
  EXPECT_THAT(
      texts(config.warnings),
      ElementsAre(
          HasSubstr("p.yaml:4: backends.a.servers[0]: \"mail:993\" has the port of IMAP over "
                    "TLS, but tls is none"),
          HasSubstr("p.yaml:5: backends.b.servers[1]: \"mail2:993\" has the port of IMAP over "
                    "TLS, but tls is starttls"),
          HasSubstr("p.yaml:6: backends.c.servers[1]: \"mail2:143\" has the port of IMAP "
                    "without TLS, but tls is implicit")));
}

TEST(Config, ReadsTheSharesOfALifetime) {
  const auto shares = [](const std::string& more) {
    return parse(
               "listeners: [{address: '127.0.0.1:993'}]\n"
               "tls: {certificates: [{chain: a, key: b}]" +
               more +
               "}\n"
               "backends: {legacy: {servers: [mail]}}\n")
        .tls.shares;
  };
  EXPECT_EQ(shares("").renewal_overdue_percent, 25U);
  EXPECT_EQ(shares("").alarm_percent, 10U);
  EXPECT_EQ(shares(", renewal_overdue: 40%, expiry_alarm: 5%").renewal_overdue_percent, 40U);
  EXPECT_EQ(shares(", renewal_overdue: 40%, expiry_alarm: 5%").alarm_percent, 5U);
}

TEST(Config, VerifiesBackendsByDefault) {
  const Config config = parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {legacy: {servers: [mail], tls: starttls}}\n");
  ASSERT_EQ(config.backends.size(), 1U);
  EXPECT_EQ(config.backends[0].verify.mode, tls::Verification::Mode::Verify);
  EXPECT_EQ(config.backends[0].verify.name, "");
  EXPECT_THAT(config.warnings, testing::IsEmpty());
}

TEST(Config, AcceptsAnAddressAsTheNameOfABackendsCertificate) {
  for (const char* name : {"192.0.2.1", "2001:db8::1", "Mail.Example"}) {
    const Config config = parse(
        "listeners: [{address: '127.0.0.1:993'}]\n"
        "tls: {certificates: [{chain: a, key: b}]}\n"
        "backends: {legacy: {servers: [mail], tls: starttls, verify: {name: '" +
        std::string(name) + "'}}}\n");
    EXPECT_EQ(config.backends.size(), 1U) << name;
  }
}

TEST(ConfigLoad, SaysWhyAFileCannotBeRead) {
  const Result<Config> missing = Config::load("/nonexistent/p.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.faults()[0].text(),
            "/nonexistent/p.yaml: cannot be opened: No such file or directory");
  const Result<Config> folder = Config::load("/");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.faults()[0].text(), "/: cannot be read: Is a directory");
}

// The reference with the examples in force, whose lines begin with a number sign and no space, or
// with more than one below such a line.
std::string with_examples() {
  std::istringstream lines(config_reference());
  std::string yaml;
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find_first_not_of(' ');
    const std::string_view rest = at == std::string::npos ? "" : std::string_view(line).substr(at);
    if (rest.size() > 1 && rest[0] == '#' && (rest[1] != ' ' || rest.starts_with("#  "))) {
      line.erase(at, 1);
    }
    yaml.append(line).append("\n");
  }
  return yaml;
}

TEST(ConfigReference, IsAFileThatNeedsOnlyACertificateAndServers) {
  const Config config = parse(config_reference());
  EXPECT_EQ(config.listeners.size(), 1U);
  EXPECT_THAT(config.routes, testing::IsEmpty());
  EXPECT_FALSE(config.admin.has_value());
  EXPECT_FALSE(config.limits.login_failures.has_value());
  EXPECT_FALSE(config.tls.shadow_policy.has_value());
  EXPECT_EQ(config.user, "");
  EXPECT_THAT(config.warnings, testing::IsEmpty());
}

TEST(ConfigReference, HasValidExamples) {
  const Config config = parse(with_examples());
  EXPECT_EQ(config.routes.size(), 1U);
  EXPECT_TRUE(config.admin.has_value());
  EXPECT_TRUE(config.limits.login_failures.has_value());
  EXPECT_TRUE(config.tls.shadow_policy.has_value());
  EXPECT_EQ(config.user, "postern");
  EXPECT_THAT(config.warnings, testing::IsEmpty());
}

TEST(ConfigReference, ShowsTheDefaults) {
  EXPECT_THAT(config_reference(),
              HasSubstr("; default " + config::show_number(Limits().sessions) + "\n"));
  EXPECT_THAT(config_reference(), HasSubstr("    tls: starttls\n"));
  EXPECT_THAT(config_markdown(),
              HasSubstr("| `backends.NAME.tls` | none, starttls or implicit | `none` |"));
}

TEST(ConfigReference, ShowsValidAlternatives) {
  std::string yaml = config_reference();
  const auto replace = [&yaml](const std::string& from, const std::string& to) {
    const size_t at = yaml.find(from, yaml.find("\ntls:"));  // listeners may have a policy, too
    ASSERT_NE(at, std::string::npos) << from;
    yaml.replace(at, from.size(), to);
  };
  replace("policy: intermediate", "policy:");
  replace("# min_version: \"1.2\"", "min_version: \"1.2\"");
  replace("# ciphers: [", "ciphers: [");
  replace("# groups: [", "groups: [");
  EXPECT_EQ(parse(yaml).tls.policy.name, "custom");
}

TEST(ConfigReference, KeepsItsLinesShort) {
  std::istringstream lines(config_reference());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(ConfigExample, IsAValidFile) {
  const Result<Config> config =
      Config::load(std::string(POSTERN_SOURCE) + "/deploy/postern.example.yaml");
  ASSERT_TRUE(config) << config.faults()[0].text();
  EXPECT_THAT(config.value().warnings, testing::IsEmpty());
}

TEST(ConfigMarkdown, IsTheTableOfItsPage) {
  const std::string path = std::string(POSTERN_SOURCE) + "/docs/configuration.md";
  const std::string begin = "<!-- config:begin -->\n";
  const std::string page = read(path);
  const size_t from = page.find(begin);
  const size_t to = page.find("<!-- config:end -->");
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos && from < to)
      << path << " has no markers <!-- config:begin --> and <!-- config:end -->";
  const std::string table = page.substr(from + begin.size(), to - from - begin.size());
  EXPECT_TRUE(table == config_markdown())
      << "Replace the text between the markers in " << path << " by:\n\n"
      << config_markdown();
}

}  // namespace
}  // namespace postern
