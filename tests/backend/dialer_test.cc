#include "proxy/backend/dialer.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/backend/label_values.h"
#include "proxy/log/log.h"
#include "proxy/net/failure.h"
#include "tests/metrics/figures.h"
#include "tests/net/loopback.h"
#include "tests/support/busy_pool.h"
#include "tests/support/certificates.h"
#include "tests/support/logged.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using metrics::Metric;
using test::run_until;
using test::ScriptedBackend;
using testing::Contains;
using testing::ContainsRegex;
using testing::Not;

constexpr uint64_t kTimeoutMs = 5'000;

metrics::LabelSets leaf_labels() {
  metrics::LabelSets labels;
  define_leaf_labels(labels);
  return labels;
}

class DialerTest : public testing::Test, public DialerObserver {
 protected:
  DialerTest() : counters(labels), server_context(test::server_context(authority, {"localhost"})) {
    log::configure(log::Format::Text, log::Level::Error);
    config.name = "pool";
    config.verify.ca_file = directory.write("ca.pem", authority.pem());
    config.verify.name = "localhost";
  }
  ~DialerTest() override {
    backends.clear();
    place = ServerSlot();
    stream.reset();
    dial.reset();
    EXPECT_TRUE(test::run_to_end(loop)) << "something still keeps the loop going";
  }

  ScriptedBackend& backend(ScriptedBackend::Options options = {}) {
    options.context = server_context.get();
    options.tls = config.tls;
    backends.push_back(std::make_unique<ScriptedBackend>(loop, std::move(options)));
    config.servers.push_back(backends.back()->host());
    return *backends.back();
  }
  Pool& pool() {
    if (pool_ == nullptr) {
      config.balance = Balance::RoundRobin;
      std::unique_ptr<tls::ClientContext> context;
      if (config.tls != BackendTls::None) {
        context = std::move(
            tls::ClientContext::make({.policy = tls::Policy::toward_backend(config.min_version),
                                      .verification = config.verify})
                .value());
      }
      std::vector<size_t> server_labels;
      for (size_t i = 0; i < config.servers.size(); ++i) {
        server_labels.push_back(i + 1);
      }
      pool_ = std::make_unique<Pool>(config, std::move(context), 1, server_labels);
    }
    return *pool_;
  }
  void start(uint64_t timeout_ms = kTimeoutMs) {
    dial =
        std::make_unique<Dialer>(services, pool(), net::loopback(1), identity, timeout_ms, *this);
    dial->start();
    EXPECT_FALSE(finished()) << "reported from inside start()";
  }
  bool wait() {
    return run_until(loop, [this] { return finished(); });
  }
  bool dials(uint64_t timeout_ms = kTimeoutMs) {
    start(timeout_ms);
    return wait();
  }
  // The dialer has left the first server for `reason` and has reached the second one.
  void expect_next_server(const char* reason) {
    EXPECT_NE(stream, nullptr);
    EXPECT_EQ(place.server(), &pool().server(1));
    EXPECT_EQ(connects(0, reason), 1U);
  }
  // Of the ten seconds that start(10'000) gives, the first of two servers has five.
  void expect_half_of_the_time(const char* reason) {
    pass_ms(4'900);
    EXPECT_EQ(connects(0, reason), 0U);
    pass_ms(5'100);
    EXPECT_EQ(connects(0, reason), 1U);
  }
  template <typename Work>
  std::vector<std::string> lines_while(Work work) {
    log::configure(log::Format::Text, log::Level::Warn);
    std::vector<std::string> lines = test::logged(work);
    log::configure(log::Format::Text, log::Level::Error);
    return lines;
  }
  // Without a server.
  void start_over() {
    dial.reset();
    pool_.reset();
    backends.clear();
    config.servers.clear();
    failure = {};
  }
  std::vector<std::string> lines_of_a_dial() {
    return lines_while([&] {
      start();
      ASSERT_TRUE(wait());
    });
  }
  bool finished() const { return stream != nullptr || failure; }
  uint64_t connects(size_t server, std::string_view result) {
    return counters
        .cell_at(Metric::BackendConnects,
                 {server + 1, labels.index_of(metrics::Label::ConnectResult, result)})
        .value();
  }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }

  net::Loop loop;
  tls::Workspace workspace;
  metrics::LabelSets labels = metrics::complete_labels(leaf_labels());
  metrics::Counters counters;
  BackendFacts facts;
  const DialerServices services{loop, workspace, counters, labels, facts};
  test::TempDirectory directory;
  test::Authority authority;
  std::unique_ptr<tls::ServerContext> server_context;
  BackendConfig config;
  IdentityPreamble identity;
  std::vector<std::unique_ptr<ScriptedBackend>> backends;
  test::ClosedPort closed_port;

  std::unique_ptr<net::Stream> stream;
  std::string first_bytes;
  ServerSlot place;
  Error failure;
  std::unique_ptr<Dialer> dial;

 private:
  void on_connected(DialResult result) override {
    EXPECT_FALSE(finished()) << "reported twice";
    stream = std::move(result.stream);
    stream->observe(after_);
    first_bytes = std::move(result.first_bytes);
    place = std::move(result.slot);
  }
  void on_dial_failed(const Error& last_error) override {
    EXPECT_FALSE(finished()) << "reported twice";
    failure = last_error;
  }

  std::unique_ptr<Pool> pool_;
  net::Recorder after_;
};

// ---- the three kinds of hop

TEST_F(DialerTest, HandsOverAPlainStreamWithItsGreeting) {
  backend({.greeting = "* OK ready\r\n* 1 EXISTS\r\n"});
  ASSERT_TRUE(dials());
  EXPECT_EQ(first_bytes, "* OK ready\r\n* 1 EXISTS\r\n");
  EXPECT_EQ(place.server(), &pool().server(0));
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_EQ(counters.cell_at(Metric::BackendSessions, {1}).value(), 1U);
}

TEST_F(DialerTest, SpeaksTlsFromTheFirstByteWhenAskedTo) {
  config.tls = BackendTls::Implicit;
  ScriptedBackend& server = backend();
  ASSERT_TRUE(dials());
  EXPECT_TRUE(server.last().secured());
  EXPECT_EQ(first_bytes, server.options().greeting);
  EXPECT_GT(facts.certificate_not_after[1].load(), 0);
}

TEST_F(DialerTest, UpgradesWithStarttlsAndForgetsTheClearCapabilities) {
  config.tls = BackendTls::StartTls;
  ScriptedBackend& server = backend();
  ASSERT_TRUE(dials());
  EXPECT_TRUE(server.last().secured());
  EXPECT_EQ(first_bytes, "* OK [CAPABILITY IMAP4rev1 IDLE] IMAP ready\r\n");
}

TEST_F(DialerTest, RefusesBytesInjectedAfterStarttls) {
  config.tls = BackendTls::StartTls;
  backend({.after_starttls = "* CAPABILITY IMAP4rev1\r\n"});
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "starttls_injection");
  EXPECT_EQ(connects(0, "starttls_injection"), 1U);
}

TEST_F(DialerTest, NamesTheFaultOfTheBackendsCertificate) {
  config.tls = BackendTls::Implicit;
  config.verify.name = "mail.internal";
  backend();
  log::configure(log::Format::Text, log::Level::Warn);
  const auto lines = test::logged([&] { EXPECT_TRUE(dials()); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("wanted 'mail.internal', but it is for 'localhost'"), std::string::npos)
      << lines[0];
  EXPECT_STREQ(failure.label(), "certificate_name_mismatch");
  EXPECT_EQ(connects(0, "certificate_name_mismatch"), 1U);
}

TEST_F(DialerTest, NamesAnUntrustedAuthority) {
  config.tls = BackendTls::Implicit;
  config.verify.ca_file = directory.write("other.pem", test::Authority("Other").pem());
  backend();
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "certificate_untrusted");
}

// ---- failures, and which server is tried next

TEST_F(DialerTest, CountsARefusedConnectionAndTriesTheNextServer) {
  config.servers.push_back(closed_port.host());
  backend();
  ASSERT_TRUE(dials());
  expect_next_server("connection_refused");
  EXPECT_EQ(connects(1, "success"), 1U);
  EXPECT_GT(pool().server(0).ejected_until_ms, loop.now_ms());
}

TEST_F(DialerTest, TriesTheNextServerWhenOneGreetsWithBye) {
  backend({.greeting = "* BYE overloaded\r\n"});
  backend();
  ASSERT_TRUE(dials());
  expect_next_server("backend_bye");
}

TEST_F(DialerTest, TriesTheNextServerWhenOneHangsUpWithoutAWord) {
  backend({.hangs_up = true});
  backend();
  ASSERT_TRUE(dials());
  expect_next_server("connection_closed");
}

TEST_F(DialerTest, RefusesAServerThatDoesNotSpeakImap) {
  backend({.greeting = "220 mail ESMTP\r\n"});
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "not_imap");
}

// What a server says in place of a greeting leads to the mistake faster than any reason of ours.
TEST_F(DialerTest, WritesWhatAServerSaysInPlaceOfAGreeting) {
  struct Case {
    const char* greeting;
    const char* line;
  };
  for (const auto& [greeting, line] :
       {Case{"* BYE Maximum number of connections\r\n",
             " reason=backend_bye .*said=\"\\* BYE Maximum number of connections\""},
        Case{"220 mail.example.org ESMTP\r\n",
             " reason=not_imap .*protocol=SMTP said=\"220 mail.example.org ESMTP\""},
        Case{"+OK Dovecot ready.\r\n", "protocol=POP3 said=\"\\+OK Dovecot ready.\""},
        Case{"HTTP/1.1 400 Bad Request\r\nx", "protocol=HTTP said=\"HTTP/1.1 400 Bad Request\""},
        Case{"\x15\x03\x01", "protocol=TLS said=\"\\\\x15\\\\x03\\\\x01\""},
        Case{"hello\x1b[2J\r\n", "said=\"hello\\\\x1b\\[2J\""}}) {
    start_over();
    backend({.greeting = greeting});
    EXPECT_THAT(lines_of_a_dial(), Contains(ContainsRegex(line))) << greeting;
  }
}

TEST_F(DialerTest, CutsWhatAServerSays) {
  backend({.greeting = "* BYE " + std::string(3000, 'x') + "\r\n"});
  const auto lines = lines_of_a_dial();
  EXPECT_THAT(lines, Contains(ContainsRegex("said=\"\\* BYE x+\"")));
  EXPECT_THAT(lines, Not(Contains(ContainsRegex("x{101}"))));
}

// It stands apart from a network that drops packets, and says what such a server may wait for.
TEST_F(DialerTest, TellsASilentServerFromASilentNetwork) {
  backend({.greeting = ""});
  start(200);
  const auto lines = lines_while([&] { ASSERT_TRUE(wait()); });
  EXPECT_STREQ(failure.label(), "greeting_timeout");
  EXPECT_EQ(connects(0, "greeting_timeout"), 1U);
  EXPECT_EQ(connects(0, "timed_out"), 0U);
  EXPECT_THAT(lines, Contains(ContainsRegex("connected, but no whole greeting came.*advice=.*TLS "
                                            "first.*PROXY header")));
}

TEST_F(DialerTest, TriesAllAddressesOfAServer) {
  ScriptedBackend& server = backend();
  BackendServer& known = pool().server(0);
  known.addresses.store({net::loopback(closed_port.host().port), server.address()},
                        loop.now_ms() + 1'000);
  ASSERT_TRUE(dials());
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "connection_refused"), 1U);
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_EQ(known.ejected_until_ms, 0U) << "a server with one good address is a good server";
}

TEST_F(DialerTest, GivesUpWhenNoServerIsLeftAndReportsTheLastReason) {
  backend({.greeting = "* BYE overloaded\r\n"});
  config.servers.push_back(closed_port.host());
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "connection_refused");
  EXPECT_EQ(connects(0, "backend_bye"), 1U);
  EXPECT_EQ(connects(1, "connection_refused"), 1U);
}

TEST_F(DialerTest, GivesASilentServerOnlyItsShareOfTheTime) {
  backend({.greeting = "* OK"});  // the rest never comes
  backend();
  start(10'000);
  ASSERT_TRUE(run_until(loop, [&] { return backends[0]->accepted() == 1; }));
  expect_half_of_the_time("greeting_timeout");
  ASSERT_TRUE(wait());
  expect_next_server("greeting_timeout");
}

TEST_F(DialerTest, GivesUpInTimeWhenEveryServerIsSilent) {
  backend({.greeting = "* OK"});
  backend({.greeting = "* OK"});
  ASSERT_TRUE(dials(200));
  EXPECT_STREQ(failure.label(), "greeting_timeout");
  EXPECT_EQ(connects(0, "greeting_timeout") + connects(1, "greeting_timeout"), 2U);
}

// ---- names

TEST_F(DialerTest, FailsWhenANameCannotBeResolved) {
  config.servers.push_back({"no-such-host.invalid", 143});
  ASSERT_TRUE(dials());
  EXPECT_TRUE(failure.domain == &net::kNetDomain);
  EXPECT_EQ(connects(0, failure.label()), 1U);
}

TEST_F(DialerTest, UsesStaleAddressesWhileTheResolverIsDown) {
  ScriptedBackend& server = backend();
  config.servers = {{"no-such-host.invalid", 143}};
  pool().server(0).addresses.store({server.address()}, 0);
  ASSERT_TRUE(dials());
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
}

TEST_F(DialerTest, UsesStaleAddressesWhileTheResolverIsSlow) {
  ScriptedBackend& server = backend();
  config.servers = {{"localhost", server.host().port}};
  pool().server(0).addresses.store({server.address()}, 0);
  const test::BusyPool busy(loop);
  start();
  pass_ms(900);
  for (int turn = 0; turn < 5; ++turn) {
    loop.run_once(10);
  }
  EXPECT_EQ(server.accepted(), 0U);
  pass_ms(1'100);
  ASSERT_TRUE(run_until(
      loop, [this] { return finished(); }, 500));
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_EQ(connects(0, "timed_out"), 0U);
}

TEST_F(DialerTest, TriesNewAddressesThatArriveWhileAStaleOneFails) {
  ScriptedBackend& silent = backend({.greeting = "* OK"});
  ScriptedBackend& server = backend();
  config.servers = {{"localhost", server.host().port}};
  DnsCache& addresses = pool().server(0).addresses;
  addresses.store({silent.address()}, 0);
  test::BusyPool busy(loop);
  start();
  pass_ms(1'100);
  ASSERT_TRUE(run_until(loop, [&] { return silent.accepted() == 1; }));
  busy.release();
  ASSERT_TRUE(run_until(loop, [&] {
    return addresses.known().size() != 1 || !(addresses.known()[0] == silent.address());
  }));
  silent.last().hang_up();
  ASSERT_TRUE(wait());
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
  EXPECT_EQ(pool().server(0).ejected_until_ms, 0U);
}

TEST_F(DialerTest, TriesTheNextServerWhenANameTakesTooLong) {
  config.servers = {{"localhost", 143}};
  backend();
  const test::BusyPool busy(loop);
  start(10'000);
  expect_half_of_the_time("timed_out");
  ASSERT_TRUE(wait());
  expect_next_server("timed_out");
}

TEST_F(DialerTest, LooksUpANameAgainOnceItsServerHasFailed) {
  config.servers.push_back({"localhost", closed_port.host().port});
  BackendServer& server = pool().server(0);
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "connection_refused");
  EXPECT_FALSE(server.addresses.known().empty());
  failure = Error();
  start();
  EXPECT_EQ(loop.lookups(), 1U);
}

#if !defined(__SANITIZE_ADDRESS__)  // UBSan itself needs descriptors
TEST_F(DialerTest, EjectsNoServerForAShortageOfItsOwn) {
  backend();
  pool();
  const test::NoDescriptors none;
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "too_many_open_files");
  EXPECT_EQ(pool().server(0).ejected_until_ms, 0U);
}
#endif

// ---- cancelling

class DialCancelTest : public DialerTest, public testing::WithParamInterface<BackendTls> {};
INSTANTIATE_TEST_SUITE_P(Hop, DialCancelTest,
                         testing::Values(BackendTls::None, BackendTls::StartTls,
                                         BackendTls::Implicit),
                         [](const auto& hop) { return std::string(name_of(hop.param)); });

// Cancels the dialer after more turns each time, until it succeeds first: so every stage is
// covered.
TEST_P(DialCancelTest, CallsNoObserverAndLeavesNothingAtAnyStage) {
  config.tls = GetParam();
  config.servers.clear();
  ScriptedBackend& server = backend();
  int turns = 0;
  for (bool succeeded = false; !succeeded; ++turns) {
    ASSERT_LT(turns, 1'000);
    start();
    for (int i = 0; i < turns && !finished(); ++i) {
      loop.run_once(100);
    }
    succeeded = finished();
    dial->cancel();
    dial->cancel();
    if (!succeeded) {
      EXPECT_TRUE(run_until(loop, [&] { return server.open() == 0; }));
      EXPECT_FALSE(finished());
      EXPECT_EQ(*pool().server(0).sessions, 0U);
    }
    loop.retire(std::move(dial));
    loop.run_once(0);
  }
  EXPECT_GE(turns, 2);
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(connects(0, "success"), 1U);
}

TEST_F(DialerTest, CallsNoObserverWhenCancelledWhileResolving) {
  config.servers.push_back({"localhost", closed_port.host().port});
  start();
  dial->cancel();
  dial.reset();
  EXPECT_TRUE(test::run_to_end(loop));
  EXPECT_FALSE(finished());
}

}  // namespace
}  // namespace postern
