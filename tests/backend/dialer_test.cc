#include "proxy/backend/dialer.h"

#include "tests/backend/dialer_fixture.h"

namespace postern {
namespace {

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
  EXPECT_TRUE(rests(0));
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
  EXPECT_THAT(lines,
              Contains(ContainsRegex("connected, but no whole greeting came.*advice=.*preflight")));
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
  EXPECT_FALSE(rests(0)) << "a server with one good address is a good server";
}

TEST_F(DialerTest, GivesUpWhenNoServerIsLeftAndReportsTheLastReason) {
  backend({.greeting = "* BYE overloaded\r\n"});
  config.servers.push_back(closed_port.host());
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "connection_refused");
  EXPECT_EQ(connects(0, "backend_bye"), 1U);
  EXPECT_EQ(connects(1, "connection_refused"), 1U);
}

#if !defined(__SANITIZE_ADDRESS__)  // UBSan itself needs descriptors
TEST_F(DialerTest, BlamesNoServerForAShortageOfItsOwn) {
  backend();
  pool();
  const test::NoDescriptors none;
  ASSERT_TRUE(dials());
  EXPECT_STREQ(failure.label(), "too_many_open_files");
  EXPECT_FALSE(rests(0));
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
      EXPECT_EQ(pool().server(0).health->sessions, 0U);
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
