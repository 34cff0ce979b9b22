// Every kind of fault of a configuration file, with its line and its message.
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config/config.h"

namespace postern {
namespace {

using testing::HasSubstr;

// Lines 1 to 3; the text of a case begins in line 4.
constexpr char kBase[] =
    "listeners: [{address: '127.0.0.1:993'}]\n"
    "tls: {certificates: [{chain: a.crt, key: a.key}]}\n"
    "backends: {legacy: {servers: ['mail:143']}}\n";
constexpr char kListener[] = "listeners: [{address: '127.0.0.1:993'}]\n";
constexpr char kTls[] = "tls: {certificates: [{chain: a.crt, key: a.key}]}\n";
constexpr char kBackend[] = "backends: {legacy: {servers: ['mail:143']}}\n";

struct Case {
  const char* name;  // of the fault
  std::string yaml;
  int line;
  std::string says;
};

void PrintTo(const Case& fault, std::ostream* out) {
  *out << fault.name;
}

class ConfigFault : public testing::TestWithParam<Case> {};

TEST_P(ConfigFault, NamesLineAndWhatIsAllowed) {
  const Result<Config> config = Config::parse(GetParam().yaml, "p.yaml", "");
  ASSERT_FALSE(config) << "was accepted";
  std::string all;
  for (const Fault& fault : config.faults()) {
    all += fault.text() + "\n";
  }
  EXPECT_EQ(config.faults().size(), 1U) << all;
  EXPECT_EQ(config.faults()[0].where, "p.yaml:" + std::to_string(GetParam().line));
  EXPECT_THAT(config.faults()[0].message, HasSubstr(GetParam().says));
}

std::string base(const std::string& more) {
  return kBase + more;
}
std::string with_listeners(const std::string& block) {
  return block + kTls + kBackend;
}
std::string with_tls(const std::string& block) {
  return block + kListener + kBackend;
}
std::string with_backends(const std::string& block) {
  return block + kListener + kTls;
}

std::string repeated(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) {
    out += text;
  }
  return out;
}

const std::vector<Case>& files() {
  static const std::vector<Case> cases = {
      {"Empty", "", 1, "is empty"},
      {"OnlyAComment", "# nothing\n", 1, "is empty"},
      {"NoMap", "- a\n", 1, "must be a map of keys, but is a list"},
      {"Syntax", base("log: {level: info\nadmin: x\n"), 5, "not valid YAML"},
      {"TabIndent", base("log:\n\tlevel: info\n"), 5,
       "YAML allows no tabs for indentation: use spaces"},
      {"AddressWithoutQuotes", with_listeners("listeners:\n  - address: [::]:993\n"), 2,
       "put an IPv6 address with its port in quotes"},
      {"UnknownAlias", base("workers: *w\n"), 4, "not valid YAML"},
      {"TooDeep", base("log: " + repeated("[", 2000)), 4, "not valid YAML"},
      {"SelfReference", base("routes: &r [*r]\n"), 4, "is inside the node that it names"},
      {"SecondDocument", base("---\nworkers: 1\n"), 4, "a second YAML document"},
      {"Tag", base("workers: !!int 1\n"), 4, "has no meaning here"},
      {"TooManyNodes", base("routes: [" + repeated("a,", 100'000) + "]\n"), 4,
       "more than 100000 values"},
      {"KeyIsAList", base("[a, b]: 1\n"), 4, "a key must be a word, but is a list"},
  };
  return cases;
}

const std::vector<Case>& keys() {
  static const std::vector<Case> cases = {
      {"UnknownTop", base("worker: 1\n"), 4,
       "worker: is an unknown key; did you mean \"workers\"?"},
      {"UnknownFar", base("zzzzzzzz: 1\n"), 4,
       "is an unknown key; allowed here are workers, user, state_directory, core_dumps, seccomp, "
       "listeners,"},
      {"UnknownNested", base("log:\n  level: info\n  fromat: json\n"), 6,
       "log.fromat: is an unknown key; did you mean \"format\"? allowed here are format, level"},
      {"UnknownInBackend", with_backends("backends:\n  b:\n    servers: [h]\n    tsl: none\n"), 4,
       "backends.b.tsl: is an unknown key; did you mean \"tls\"?"},
      {"NotYetWorking", base("timeouts: {login: 1s,\n  keepalive: 1s}\n"), 5, "is an unknown key"},
      {"UnknownEscaped", base("\"\\e[2J\": 1\n"), 4, "\\x1b[2J: is an unknown key"},
      {"Duplicate", base("workers: 1\nlog: {}\nworkers: 2\n"), 6,
       "workers: is set already in line 4"},
      {"DuplicateNested", base("log:\n  level: info\n  level: warn\n"), 6,
       "log.level: is set already in line 5"},
      {"DuplicateBackend", with_backends("backends:\n  b: {servers: [h]}\n  b: {servers: [h]}\n"),
       3, "backends.b: is set already in line 2"},
      {"MissingListeners", std::string(kTls) + kBackend, 1, "listeners: is missing"},
      {"MissingTls", std::string(kListener) + kBackend, 1, "tls: is missing"},
      {"MissingBackends", std::string(kListener) + kTls, 1, "backends: is missing"},
      {"MissingCertificates", with_tls("tls:\n  policy: modern\n"), 2,
       "tls.certificates: is missing"},
      {"MissingKey", with_tls("tls:\n  certificates:\n    - chain: a\n"), 3,
       "tls.certificates[0].key: is missing"},
      {"AddressOfAll", with_listeners("listeners:\n  - address: \"*:993\"\n"), 2,
       "names no address; write \"[::]:993\" for all, of IPv4 and IPv6"},
      {"AddressByName", with_listeners("listeners:\n  - address: localhost:993\n"), 2,
       "names no address; write 127.0.0.1:993 or \"[::1]:993\""},
      {"MissingAddress", with_listeners("listeners:\n  - tls: implicit\n"), 2,
       "listeners[0].address: is missing"},
      {"MissingServers", with_backends("backends:\n  b:\n    tls: none\n"), 3,
       "backends.b.servers: is missing"},
      {"MissingRouteBackend", base("routes:\n  - sni: a.example\n"), 5,
       "routes[0].backend: is missing"},
      {"NoListener", with_listeners("listeners: []\n"), 1, "has 0 entries; allowed are 1 to 64"},
      {"NoBackend", with_backends("backends: {}\n"), 1, "has 0 entries; allowed are 1 to 64"},
      {"NoCertificate", with_tls("tls: {certificates: []}\n"), 1, "allowed are 1 to 4096"},
      {"NoServer", with_backends("backends:\n  b:\n    servers: []\n"), 3, "allowed are 1 to 64"},
      {"EmptyValue", base("workers:\nlog: {}\n"), 4,
       "workers: is empty; allowed is auto or 1 to 256"},
      {"EmptyBackend", with_backends("backends:\n  b:\n"), 2,
       "backends.b: is empty; allowed is a map of"},
      {"ListForScalar", base("workers: [1]\n"), 4,
       "workers: is a list; allowed is auto or 1 to 256"},
      {"ScalarForMap", base("log: info\n"), 4, "log: is a single value; allowed is map"},
      {"ScalarForList", base("routes: a\n"), 4, "routes: is a single value"},
      {"MapInScalars", base("log: {probes: [{h: 1}]}\n"), 4,
       "log.probes[0]: is a map; allowed is a single value"},
      {"ListInServers", with_backends("backends:\n  b:\n    servers: [[h]]\n"), 3,
       "backends.b.servers[0]: is a list; allowed is a map of address, "},
      {"ServerWithoutAddress", with_backends("backends:\n  b:\n    servers: [{weight: 2}]\n"), 3,
       "backends.b.servers[0].address: is missing"},
      {"ScalarInMaps", with_listeners("listeners:\n  - x\n"), 2, "listeners[0]: is a single value"},
      {"TooManyListeners",
       with_listeners("listeners: [" + repeated("{address: '127.0.0.1:0'},", 65) + "]\n"), 1,
       "has 65 entries; allowed are 1 to 64"},
      {"TooManyServers",
       with_backends("backends:\n  b:\n    servers: [" + repeated("h,", 65) + "]\n"), 3,
       "has 65 entries"},
      {"TooManyRoutes", base("routes: [" + repeated("{sni: a, backend: legacy},", 1025) + "]\n"), 4,
       "has 1025 entries; allowed are 0 to 1024"},
      {"TooManyCertificates",
       with_tls("tls: {certificates: [" + repeated("{chain: a, key: b},", 4097) + "]}\n"), 1,
       "has 4097 entries"},
  };
  return cases;
}

const std::vector<Case>& values() {
  static const std::vector<Case> cases = {
      {"WorkersZero", base("workers: 0\n"), 4,
       "workers: \"0\" is neither auto nor a number from 1 to 256"},
      {"WorkersMany", base("workers: 257\n"), 4, "is neither auto"},
      {"WorkersWord", base("workers: many\n"), 4, "\"many\""},
      {"Listener", with_listeners("listeners:\n  - address: imap.example:993\n"), 2,
       "listeners[0].address: "},
      {"ListenerTls", with_listeners("listeners:\n  - address: 127.0.0.1:1\n    tls: startls\n"), 3,
       "listeners[0].tls: \"startls\" is none of implicit, starttls; did you mean \"starttls\"?"},
      {"Policy", with_tls("tls:\n  policy: old\n  certificates: [{chain: a, key: b}]\n"), 2,
       "tls.policy: \"old\" is none of modern, intermediate"},
      {"PolicyVersion",
       with_tls("tls:\n  policy:\n    min_version: 1.1\n  certificates: [{chain: a, key: b}]\n"), 3,
       "tls.policy.min_version: \"1.1\" is not safe for clients"},
      {"PolicyCipher",
       with_tls("tls:\n  policy:\n    ciphers:\n      - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
                "      - TLS_RSA_WITH_AES_128_CBC_SHA\n  certificates: [{chain: a, key: b}]\n"),
       5, "tls.policy.ciphers[1]: "},
      {"PolicyCipherEscaped",
       with_tls("tls:\n  policy:\n    ciphers: [\"\\e\"]\n  certificates: [{chain: a, key: b}]\n"),
       3, "tls.policy.ciphers[0]: \"\\x1b\" is not an IANA name"},
      {"PolicyGroup",
       with_tls("tls:\n  policy: {groups: [sect163k1]}\n  certificates: [{chain: a, key: b}]\n"), 2,
       "tls.policy.groups[0]: "},
      {"PolicyGroupTwice",
       with_tls(
           "tls:\n  policy: {groups: [X25519, X25519]}\n  certificates: [{chain: a, key: b}]\n"),
       2, "tls.policy: "},
      {"EmptyPath", with_tls("tls:\n  certificates:\n    - {chain: '', key: b}\n"), 3,
       "tls.certificates[0].chain: \"\" is not the path of a file"},
      {"BackendName", with_backends("backends:\n  a.b: {servers: [h]}\n"), 2,
       "backends.a.b: \"a.b\" is not a backend's name: 1 to 64 letters"},
      {"BackendNameLong",
       with_backends("backends:\n  " + std::string(65, 'a') + ": {servers: [h]}\n"), 2,
       "is not a backend's name"},
      {"Server", with_backends("backends:\n  b:\n    servers:\n      - h:1\n      - h:99999\n"), 5,
       "backends.b.servers[1]: "},
      {"ServerTwice", with_backends("backends:\n  b:\n    servers:\n      - h:143\n      - h\n"), 5,
       "\"h\" is listed twice"},
      {"BackendTls", with_backends("backends:\n  b:\n    servers: [h]\n    tls: ssl\n"), 4,
       "backends.b.tls: \"ssl\" is none of none, starttls, implicit"},
      {"VerifyWord",
       with_backends("backends:\n  b:\n    servers: [h]\n    tls: implicit\n    verify: yes\n"), 5,
       "backends.b.verify: \"yes\" is neither none nor a map"},
      {"VerifyName",
       with_backends(
           "backends:\n  b:\n    servers: [h]\n    tls: implicit\n    verify: {name: a b}\n"),
       5, "backends.b.verify.name: \"a b\" is not a host name"},
      {"Pin",
       with_backends(
           "backends:\n  b: {servers: [h], tls: implicit, verify: {\n    pin_sha256: [abc]}}\n"),
       3, "backends.b.verify.pin_sha256[0]: \"abc\" is not the base64 of a SHA-256"},
      {"PinsEmpty",
       with_backends(
           "backends:\n  b: {servers: [h], tls: implicit, verify: {\n    pin_sha256: []}}\n"),
       3, "has 0 entries"},
      {"BackendVersion", with_backends("backends:\n  b:\n    servers: [h]\n    min_version: 0.9\n"),
       4, "is none of 1.0, 1.1, 1.2, 1.3"},
      {"ProxyNetwork",
       with_listeners(
           "listeners:\n  - address: '127.0.0.1:993'\n    proxy_protocol: {from: [lb1]}\n"),
       3, "\"lb1\" is not a network; write 10.0.0.0/8"},
      {"ProxyNetworkWithHostBits",
       with_listeners(
           "listeners:\n  - address: '127.0.0.1:993'\n    proxy_protocol: {from: [10.0.0.1/8]}\n"),
       3, "write 10.0.0.0/8"},
      {"ProxyWithoutNetworks",
       with_listeners("listeners:\n  - address: '127.0.0.1:993'\n    proxy_protocol: {}\n"), 3,
       "from: is missing"},
      {"ProxyFromNobody",
       with_listeners("listeners:\n  - address: '127.0.0.1:993'\n    proxy_protocol: {from: []}\n"),
       3, "has 0 entries; allowed are 1 to 256"},
      {"ClientIdentity",
       with_backends("backends:\n  b:\n    servers: [h]\n    client_identity: proxy\n"), 4,
       "is none of none, proxy_v1, proxy_v2, imap_id"},
      {"SourceWithPort",
       with_backends("backends:\n  b:\n    servers: [h]\n    source: ['192.0.2.7:1']\n"), 4,
       "backends.b.source[0]: \"192.0.2.7:1\" is not an IP address"},
      {"SourceOfAll", with_backends("backends:\n  b:\n    servers: [h]\n    source: ['::']\n"), 4,
       "names no address of this machine"},
      {"SourceTwice",
       with_backends("backends:\n  b:\n    servers: [h]\n    source: ['::1', '0::1']\n"), 4,
       "backends.b.source[1]: \"0::1\" is listed twice"},
      {"ServerWeight",
       with_backends("backends:\n  b:\n    servers:\n    - {address: h, weight: 0}\n"), 4,
       "backends.b.servers[0].weight: \"0\" is not a number from 1 to 256"},
      {"ServerTwiceInMaps",
       with_backends("backends:\n  b:\n    servers:\n    - h\n    - {address: h, drain: true}\n"),
       5, "backends.b.servers[1].address: \"h\" is listed twice"},
      {"Balance", with_backends("backends:\n  b:\n    servers: [h]\n    balance: random\n"), 4,
       "is none of round_robin, least_sessions, client_hash"},
      {"LimitWord", base("limits:\n  sessions: lots\n"), 5,
       "limits.sessions: \"lots\" is not a number from 1 to 10000000"},
      {"LimitZero", base("limits:\n  sessions_per_address: 0\n"), 5, "\"0\" is not a number"},
      {"LimitNegative", base("limits:\n  handshakes_in_flight: -1\n"), 5, "\"-1\" is not a number"},
      {"LimitOctal", base("limits:\n  sessions: 010\n"), 5, "\"010\" is not a number"},
      {"LimitOverflow", base("limits:\n  sessions: 99999999999999999999999\n"), 5,
       "is not a number"},
      {"DurationBare", base("timeouts:\n  login: 60\n"), 5,
       "timeouts.login: \"60\" has no unit; write \"60s\" for seconds"},
      {"DurationUnit", base("timeouts:\n  connect: 5sec\n"), 5,
       "is not a duration from 10ms to 24h"},
      {"DurationZero", base("timeouts:\n  handshake: 0s\n"), 5, "is not a duration"},
      {"DurationLong", base("timeouts:\n  idle: 25h\n"), 5, "is not a duration"},
      {"DurationOverflow", base("timeouts:\n  drain: 18446744073709551615h\n"), 5,
       "is not a duration"},
      {"DurationOutOfOrder", base("timeouts:\n  idle: 30m1h\n"), 5,
       "such as 500ms, 90s, 10m or 1h30m"},
      {"DurationEmpty", base("limits:\n  login_failures:\n    delay: \"\"\n"), 6,
       "is not a duration"},
      {"DurationTwice", base("timeouts:\n  idle: 1m1m\n"), 5, "is not a duration"},
      {"DurationOfOverflowingParts", base("timeouts:\n  idle: 24h1m\n"), 5, "is not a duration"},
      {"Admin", base("admin:\n  address: localhost:9143\n"), 5, "admin.address: "},
      {"AdminTlsKey", base("admin:\n  address: '127.0.0.1:0'\n  tls: {chain: a}\n"), 6,
       "admin.tls.key: is missing"},
      {"LogFormat", base("log:\n  format: xml\n"), 5, "is none of text, json"},
      {"LogLevel", base("log:\n  level: warning\n"), 5,
       "is none of debug, info, warn, error; did you mean \"warn\"?"},
      {"Truncated", base("workers: " + std::string(500, 'x') + "\n"), 4,
       "\"" + std::string(80, 'x') + "...\" is neither"},
      {"Escaped", base("workers: \"\\e\\n\"\n"), 4, "\"\\x1b\\n\" is neither"},
  };
  return cases;
}

const std::vector<Case>& cross_checks() {
  static const std::vector<Case> cases = {
      {"ListenerTwice",
       with_listeners("listeners:\n  - address: '127.0.0.1:993'\n  - address: '127.0.0.1:993'\n"),
       3, "\"127.0.0.1:993\" is listened on twice (line 2)"},
      {"AdminIsListener", base("admin:\n  address: '127.0.0.1:993'\n"), 5,
       "is a listener's address already"},
      {"AlarmAboveOverdue",
       with_tls("tls:\n  certificates: [{chain: a, key: b}]\n  expiry_alarm: 25%\n"), 3,
       "expiry_alarm: \"25%\" must be less than renewal_overdue, which is 25%"},
      {"DefaultBackend", base("default_backend: legcy\n"), 4,
       "default_backend: \"legcy\" is none of the backends: \"legacy\"; did you mean \"legacy\"?"},
      {"DefaultBackendMissing",
       with_backends("backends:\n  a: {servers: [h]}\n  b: {servers: [h]}\n"), 2,
       "default_backend: is missing"},
      {"RouteBackend", base("routes:\n  - sni: a.example\n    backend: other\n"), 6,
       "routes[0].backend: \"other\" is none of the backends"},
      {"RouteTwice",
       base("routes:\n  - {sni: A.example, backend: legacy}\n  - {sni: a.EXAMPLE, backend: "
            "legacy}\n"),
       6, "\"a.EXAMPLE\" has a route already (line 5)"},
      {"SniStar", base("routes:\n  - {sni: 'a.*.example', backend: legacy}\n"), 5,
       "allowed are NAME and *.NAME"},
      {"SniBareStar", base("routes:\n  - {sni: '*', backend: legacy}\n"), 5,
       "allowed are NAME and *.NAME"},
      {"SniAddress", base("routes:\n  - {sni: 192.0.2.1, backend: legacy}\n"), 5,
       "SNI carries no IP addresses"},
      {"SniUnicode", base("routes:\n  - {sni: b\xc3\xbc.example, backend: legacy}\n"), 5,
       "write an international name in its xn-- form"},
      {"SniHyphen", base("routes:\n  - {sni: -a.example, backend: legacy}\n"), 5,
       "no part begins or ends with '-'"},
      {"SniEmptyLabel", base("routes:\n  - {sni: a..example, backend: legacy}\n"), 5,
       "each part between dots has 1 to 63 characters"},
      {"VerifyWithoutTls", with_backends("backends:\n  b:\n    servers: [h]\n    verify: none\n"),
       4, "backends.b.verify: there is no certificate to verify while tls is none"},
  };
  return cases;
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(File, ConfigFault, testing::ValuesIn(files()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Key, ConfigFault, testing::ValuesIn(keys()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Value, ConfigFault, testing::ValuesIn(values()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Cross, ConfigFault, testing::ValuesIn(cross_checks()), name_of_case);

TEST(ConfigFaults, AreAllReportedInTheOrderOfTheFile) {
  const Result<Config> config = Config::parse(
      "workers: x\n"
      "listeners: [{address: '127.0.0.1:1', tls: no}]\n"
      "tls: {certificates: [{chain: a, key: b}]}\n"
      "backends: {b: {servers: ['h:0x']}}\n"
      "default_backend: c\n"
      "nonsense: 1\n",
      "p.yaml", "");
  ASSERT_FALSE(config);
  std::vector<std::string> wheres;
  for (const Fault& fault : config.faults()) {
    wheres.push_back(fault.where);
  }
  EXPECT_THAT(wheres,
              testing::ElementsAre("p.yaml:1", "p.yaml:2", "p.yaml:4", "p.yaml:5", "p.yaml:6"));
}

TEST(ConfigFaults, AreCountedAfterTheFirstHundred) {
  std::string yaml = kBase;
  for (int i = 0; i < 150; ++i) {
    yaml += "x" + std::to_string(i) + ": 1\n";
  }
  const Result<Config> config = Config::parse(yaml, "p.yaml", "");
  ASSERT_FALSE(config);
  ASSERT_EQ(config.faults().size(), 101U);
  EXPECT_EQ(config.faults()[100].text(), "p.yaml:104: and 50 more from here on");
}

TEST(ConfigFaults, EndTheWalkWhenAliasesMultiply) {
  std::string yaml = "certificate: &c {" + repeated("k: 1, ", 1000) + "}\n";
  yaml += "tls: {certificates: [" + repeated("*c,", 4000) + "]}\n";
  const Result<Config> config = Config::parse(yaml, "p.yaml", "");
  ASSERT_FALSE(config);
  ASSERT_EQ(config.faults().size(), 101U);
}

TEST(ConfigFaults, RefuseMoreThanFourMebibytes) {
  const Result<Config> config =
      Config::parse(kBase + std::string(4 * 1024 * 1024, '#'), "p.yaml", "");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.faults()[0].text(),
              HasSubstr("p.yaml: the file is larger than 4194304 bytes"));
}

}  // namespace
}  // namespace postern
