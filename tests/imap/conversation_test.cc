#include "proxy/imap/conversation.h"

#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace {
size_t live_allocations = 0;
}  // namespace

// Counts allocations, for the promise that a session at rest has none. Not inlined, because GCC
// would then report malloc() and delete as a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++live_allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  live_allocations -= memory != nullptr ? 1 : 0;
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}

namespace postern::imap {
namespace {

using test::client;
using test::server;

std::string events(test::Transcript transcript) {
  transcript.insert(transcript.begin(), server("* OK hi\r\n"));
  return run_everywhere(transcript).events;
}

TEST(Conversation, FollowsALogin) {
  FilterBench bench;
  EXPECT_EQ(bench.filter.phase(), Phase::Greeting);
  bench.server("* OK hi\r\n");
  EXPECT_EQ(bench.filter.phase(), Phase::NotAuthenticated);
  bench.client("a login u p\r\n");
  EXPECT_EQ(bench.log.events, "attempt login");
  bench.server("a OK in\r\n");
  EXPECT_EQ(bench.filter.phase(), Phase::Authenticated);
  bench.client("b LOGOUT\r\n");
  bench.server("* BYE see you\r\n");
  EXPECT_EQ(bench.filter.phase(), Phase::Logout);
  bench.server("b OK\r\n");
  EXPECT_EQ(bench.filter.phase(), Phase::Logout);
}

TEST(Conversation, DistinguishesOutagesFromWrongPasswords) {
  const test::Said login = client("a LOGIN u p\r\n");
  EXPECT_EQ(events({login, server("a NO wrong\r\n")}), "attempt login, failure login");
  EXPECT_EQ(events({login, server("a BAD [AUTHENTICATIONFAILED] x\r\n")}),
            "attempt login, failure login");
  EXPECT_EQ(events({login, server("a NO [PRIVACYREQUIRED] x\r\n")}),
            "attempt login, privacy_required login");
  EXPECT_EQ(events({login, server("a NO [EXPIRED] x\r\n")}), "attempt login, expired login");
  EXPECT_EQ(events({login, server("a NO [AUTHORIZATIONFAILED] x\r\n")}),
            "attempt login, denied login");
  for (const char* code : {"UNAVAILABLE", "inuse", "SERVERBUG", "ContactAdmin", "LIMIT"}) {
    EXPECT_EQ(events({login, server(std::string("a NO [") + code + "] later\r\n")}),
              "attempt login, unavailable login");
  }
  EXPECT_EQ(events({login, server("a NO text [UNAVAILABLE]\r\n")}), "attempt login, failure login");
}

TEST(Conversation, MatchesAnswersByTagAndCase) {
  EXPECT_EQ(events({client("a LOGIN u p\r\n"), server("A OK\r\nb NO x\r\na NO x\r\nc OK\r\n")}),
            "attempt login, failure login");
}

// The result of an attempt in which the client has sent `lines`, each after a "+".
std::string result(const char* command, std::initializer_list<const char*> lines,
                   const char* answer) {
  test::Transcript transcript = {client(std::string("a AUTHENTICATE ") + command + "\r\n")};
  for (const char* line : lines) {
    transcript.push_back(server("+ \r\n"));
    transcript.push_back(client(std::string(line) + "\r\n"));
  }
  transcript.push_back(server(answer));
  const std::string all = events(transcript);
  const size_t comma = all.rfind(", ");
  const std::string last = comma == std::string::npos ? all : all.substr(comma + 2);
  return last.substr(0, last.find(' '));
}

TEST(Conversation, CountsOnlyGuessesThatWereMade) {
  constexpr const char* kNo = "a NO no\r\n";
  EXPECT_EQ(result("PLAIN", {}, kNo), "unsupported");
  EXPECT_EQ(result("PLAIN", {"*"}, "a BAD aborted\r\n"), "cancelled");
  EXPECT_EQ(result("PLAIN", {"AHUAcA=="}, kNo), "failure");
  EXPECT_EQ(result("PLAIN AHUAcA==", {}, kNo), "failure");
  EXPECT_EQ(result("LOGIN", {"dQ==", "*"}, kNo), "cancelled");
  EXPECT_EQ(result("LOGIN", {"dQ==", "cA=="}, kNo), "failure");
  EXPECT_EQ(result("SCRAM-SHA-256 biws", {"*"}, kNo), "cancelled");
  EXPECT_EQ(result("SCRAM-SHA-256 biws", {"Yz1i", "*"}, kNo), "failure")
      << "the proof was wrong; giving up afterwards changes nothing";
  EXPECT_EQ(result("XOAUTH2 dXNlcj11", {"*"}, kNo), "failure");
  EXPECT_EQ(result("XOAUTH2 dXNlcj11", {""}, kNo), "failure");
  EXPECT_EQ(result("XOAUTH2 dXNlcj11", {"*"}, "a BAD aborted\r\n"), "failure");
  EXPECT_EQ(result("PLAIN AHUAcA==", {}, "a BAD Request is throttled\r\n"), "unsupported");
  EXPECT_EQ(events({client("a LOGIN u p\r\n"), server("a BAD Request is throttled\r\n")}),
            "attempt login, unsupported login");
}

TEST(Conversation, DistinguishesAnExpiredTokenFromAWrongOne) {
  // {"status":"token_expired"} and {"status":"401"}
  EXPECT_EQ(events({client("a AUTHENTICATE XOAUTH2 dXNlcj11\r\n"),
                    server("+ eyJzdGF0dXMiOiJ0b2tlbl9leHBpcmVkIn0=\r\n"), client("\r\n"),
                    server("a NO no\r\n")}),
            "attempt xoauth2, expired xoauth2");
  EXPECT_EQ(
      events({client("a AUTHENTICATE XOAUTH2 dXNlcj11\r\n"),
              server("+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"), client("\r\n"), server("a NO no\r\n")}),
      "attempt xoauth2, failure xoauth2");
}

TEST(Conversation, EndsAnUnansweredLogin) {
  const auto result_of_end = [](std::string_view client, bool plus, bool by_client) {
    FilterBench bench;
    bench.server("* OK hi\r\n");
    bench.client(client.substr(0, client.find('\n') + 1));
    if (plus) {
      bench.server("+ \r\n");
      bench.client(client.substr(client.find('\n') + 1));
    }
    bench.filter.end(by_client);
    bench.filter.end(by_client);
    return bench.log.events;
  };
  EXPECT_EQ(result_of_end("a LOGIN u p\r\n", false, true), "attempt login, abandoned login");
  EXPECT_EQ(result_of_end("a LOGIN u p\r\n", false, false), "attempt login, interrupted login");
  EXPECT_EQ(result_of_end("a AUTHENTICATE PLAIN\r\n", true, true), "cancelled plain");
  EXPECT_EQ(result_of_end("a AUTHENTICATE PLAIN\r\nAHUAcA==\r\n", true, true),
            "attempt plain, abandoned plain");
  EXPECT_EQ(result_of_end("a NOOP\r\n", false, true), "");
}

TEST(Conversation, KnowsMechanisms) {
  const std::pair<const char*, const char*> known[] = {
      {"PLAIN", "plain"},
      {"login", "login"},
      {"XOAUTH2", "xoauth2"},
      {"OAuthBearer", "oauthbearer"},
      {"SCRAM-SHA-1", "scram_sha_1"},
      {"SCRAM-SHA-256-PLUS", "scram_sha_256"},
      {"CRAM-MD5", "cram_md5"},
      {"DIGEST-MD5", "digest_md5"},
      {"NTLM", "ntlm"},
      {"GSSAPI", "gssapi"},
      {"EXTERNAL", "external"},
      {"X-OWN", "other"},
  };
  for (const auto& [name, label] : known) {
    EXPECT_EQ(events({client(std::string("a AUTHENTICATE ") + name + "\r\n"), server("a NO\r\n")}),
              std::string("unsupported ") + label);
  }
  EXPECT_EQ(events({client("a AUTHENTICATE PLAIN AGEAYg==\r\n"), server("a OK\r\n")}),
            "attempt plain, success plain");
}

TEST(Conversation, TreatsPreauthAsALogin) {
  const Outcome outcome = run_everywhere({server("* PREAUTH [CAPABILITY X STARTTLS] hi\r\n")});
  EXPECT_EQ(outcome.events, "success preauth");
  EXPECT_EQ(outcome.to_client, "* PREAUTH [CAPABILITY X] hi\r\n");
}

TEST(Conversation, FollowsUnauthenticate) {
  EXPECT_EQ(events({client("a LOGIN u p\r\nb UNAUTHENTICATE\r\nc LOGIN v q\r\n"),
                    server("a OK\r\n"), server("b OK\r\n"), server("c NO\r\n")}),
            "attempt login, success login, unauthenticated, attempt login, failure login");
  EXPECT_EQ(events({client("b UNAUTHENTICATE\r\n"), server("b BAD not now\r\n")}), "");
}

TEST(Conversation, TreatsAByeAsTheEnd) {
  FilterBench bench;
  bench.server("* BYE too many\r\n");
  EXPECT_EQ(bench.filter.phase(), Phase::Bye);
  EXPECT_FALSE(bench.filter.violation());
}

TEST(Conversation, LabelsAreStable) {
  EXPECT_STREQ(name_of(Mechanism::Preauth), "preauth");
  EXPECT_STREQ(name_of(LoginResult::Unavailable), "unavailable");
  const Error error = imap_error(Violation::HttpOnCleartext, "talking");
  EXPECT_STREQ(error.label(), "http_on_cleartext");
  EXPECT_EQ(error.text(), "talking: an HTTP request where IMAP is expected");
}

TEST(Conversation, OwnsNoHeapAtRest) {
  FilterBench bench;
  bench.to_server.text.reserve(1U << 20U);
  bench.to_client.text.reserve(1U << 20U);
  bench.log.events.reserve(4096);
  bench.log.commands.reserve(4096);
  bench.log.users.reserve(16);
  bench.kept.reserve(4096);
  const std::string login = std::string(60, 't') + " LOGIN u p\r\n";
  const std::string in = std::string(60, 't') + " OK in\r\n";
  const size_t before = live_allocations;
  for (const std::string_view text :
       {"* OK [CAPABILITY A STARTTLS] hi\r\n", "* CAPABILITY STARTTLS a b c d e f g h i j\r\n"}) {
    for (const char& c : text) {
      bench.filter.from_server(as_bytes({&c, 1}));
    }
  }
  bench.filter.from_client(as_bytes(login));
  EXPECT_GT(live_allocations, before);
  bench.filter.from_server(as_bytes(in));
  EXPECT_EQ(live_allocations, before);
  bench.filter.from_client(as_bytes("long-enough-for-the-heap"));
  EXPECT_GT(live_allocations, before);
  bench.filter.from_client(as_bytes(" NOOP\r\nb NOOP\r\n"));
  bench.filter.from_client(as_bytes("c NOOP\r\na000001 IDLE\r\n"));
  EXPECT_GT(live_allocations, before);
  bench.filter.from_server(as_bytes("long-enough-for-the-heap OK\r\nb OK\r\nc OK\r\n+ idling\r\n"));
  EXPECT_TRUE(bench.filter.idling());
  EXPECT_EQ(live_allocations, before);
}

}  // namespace
}  // namespace postern::imap
