// How a session takes leave: of its server, and of a client that still has something to read.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/session/session_fixture.h"
#include "tests/support/certificates.h"

namespace postern {
namespace {

TEST_F(SessionTest, EndsTlsTowardAServerInOrder) {
  const test::Authority authority;
  const auto context = test::server_context(authority, {"localhost"});
  backend = std::make_unique<ScriptedBackend>(
      loop, ScriptedBackend::Options{.tls = BackendTls::Implicit, .context = context.get()});
  config.backends[0].servers = {backend->host()};
  config.backends[0].tls = BackendTls::Implicit;
  config.backends[0].verify.mode = tls::Verification::Mode::None;
  log_in();
  gateway().drain();
  ASSERT_TRUE(until([&] { return backend->last().ended(); }));
  EXPECT_FALSE(backend->last().cut()) << "the stream has ended without close_notify";
  backend.reset();
}

TEST_F(SessionTest, HasAClientThatHangsUpOnItsSideReadWhatItAskedFor) {
  log_in();
  client->pause();
  const std::string line = "* OK " + std::string(16 * kKiB, 'x') + "\r\n";
  while (gateway().admission().memory().waiting() == 0) {
    backend->last().say(line);
    loop.run_once(10);
  }
  client->send("z LOGOUT\r\n");
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  client->finish();
  for (int turn = 0; turn < 5; ++turn) {  // which it hears of
    loop.run_once(10);
  }
  client->resume();
  EXPECT_TRUE(hears("z OK done\r\n"));
  EXPECT_TRUE(test::eventually(loop, [&] { return gateway().at_rest(); }));
}

// ---- what is owed

class Owing : public SessionTest {
 protected:
  // The client has asked for more than the kernels take, then for the end, and does not read.
  void owe() {
    log_in();
    client->pause();
    const std::string line = "* OK " + std::string(16 * kKiB, 'x') + "\r\n";
    while (gateway().admission().memory().waiting() == 0) {
      backend->last().say(line);
      owed += line.size();
      loop.run_once(10);
    }
    client->forget();
    client->send("z LOGOUT\r\n");
    ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  }
  bool gone() {
    for (int turn = 0; turn < 5; ++turn) {
      loop.run_once(0);
    }
    return gateway().at_rest();
  }

  size_t owed = 0;
};

TEST_F(Owing, WaitsForAClientThatPausesBeforeTheEnd) {
  owe();
  fire(20);
  EXPECT_FALSE(gone());
  client->resume();
  EXPECT_TRUE(hears("z OK done\r\n"));
}

TEST_F(Owing, WaitsForAsLongAsTheClientTakesSomething) {
  owe();
  for (size_t i = 1; i <= 5; ++i) {
    fire(20);
    ASSERT_FALSE(gone());
    client->resume();  // so much that its kernel takes more
    ASSERT_TRUE(until([&] { return client->received().size() > owed / 8 * i; }));
    client->pause();
    ASSERT_FALSE(gone());
  }
  client->resume();
  EXPECT_TRUE(hears("z OK done\r\n"));
}

TEST_F(Owing, LeavesAClientThatTakesNothingForAMinute) {
  owe();
  fire(1);
  EXPECT_FALSE(gone());
  fire(30);
  EXPECT_TRUE(gone());
  EXPECT_EQ(gateway().admission().memory().waiting(), 0U);
}

TEST_F(SessionTest, LeavesAClientThatHasGotAllAndDoesNotHangUp) {
  log_in();
  client->send("z LOGOUT\r\n");
  ASSERT_TRUE(hears("z OK done\r\n"));
  ASSERT_TRUE(until([&] { return client->over(); }));  // on our side
  EXPECT_FALSE(gateway().at_rest());
  client->send("y NOOP\r\n");  // and so acknowledges what it has got
  for (int turn = 0; turn < 5; ++turn) {
    loop.run_once(0);
  }
  fire();
  loop.run_once(0);
  EXPECT_TRUE(gateway().at_rest());
}

// Closed with a tail in it a connection is the kernel's alone, which may give it up.
TEST_F(Owing, KeepsTheConnectionOfAClientThatHasEndedItsSideUntilItsKernelHasAll) {
  log_in();
  client->pause();
  while (gateway().admission().memory().waiting() == 0) {
    backend->last().say("* OK " + std::string(16 * kKiB, 'x') + "\r\n");
    loop.run_once(10);
  }
  client->send("z LOGOUT\r\n");
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  client->finish();
  while (gateway().admission().memory().waiting() > 0) {  // read on until our kernel has the rest
    client->resume();
    loop.run_once(10);
    client->pause();
  }
  fire(3);
  EXPECT_FALSE(gone()) << "its own kernel has not";
  client->resume();
  EXPECT_TRUE(hears("z OK done\r\n"));
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(Owing, LeavesAClientThatHasEndedItsSideAndIsGone) {
  owe();
  client->finish();
  for (int turn = 0; turn < 5; ++turn) {
    loop.run_once(10);
  }
  client->reset();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

// ---- what is still said

TEST_F(SessionTest, LetsAClientThatIsStillSpeakingHearTheLastWords) {
  log_in();
  backend->last().say("* BYE too big\r\n");
  backend->last().hang_up();
  client->send("a APPEND box {900000+}\r\n" + std::string(900'000, 'x') + "\r\n");
  ASSERT_TRUE(until([&] { return client->over(); }));
  EXPECT_TRUE(client->heard("* BYE too big\r\n"));
  EXPECT_TRUE(client->ended()) << "in order, not by a reset";
  EXPECT_FALSE(gateway().at_rest()) << "it may go on until it hangs up";
  client->finish();
  EXPECT_TRUE(test::eventually(loop, [&] { return gateway().at_rest(); }));
}

TEST_F(SessionTest, ListensOnlySoLongToAClientThatItHasLeft) {
  for (const bool logged_in : {false, true}) {
    relay();
    if (logged_in) {
      say("a LOGIN user secret", "a OK");
    }
    gateway().drain();
    ASSERT_TRUE(hears("* BYE"));
    const size_t most = logged_in ? kDroppedAfterLogin : kDroppedBeforeLogin;
    client->send(std::string(most / 2, 'x'));
    for (int turn = 0; turn < 200; ++turn) {
      loop.run_once(0);
    }
    EXPECT_FALSE(gateway().at_rest());
    client->send(std::string(most / 2, 'x'));  // and what the pieces cost
    EXPECT_TRUE(test::eventually(loop, [&] { return gateway().at_rest(); }));
    client.reset();
  }
}

TEST_F(SessionTest, LeavesAClientAtOnceThatTakesNothingAnyMore) {
  log_in();
  client->pause();
  gateway().drain();
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  client->reset();
  EXPECT_TRUE(test::eventually(loop, [&] { return gateway().at_rest(); }));
}

// ---- a client that is gone

TEST_F(SessionTest, NoticesThatAClientIsGoneThatHasSpokenBeforeTheBackend) {
  config.timeouts.connect_ms = 60'000;  // beyond what a busy machine takes for the rest
  backend->options().greeting = "";
  secure();
  ASSERT_TRUE(until([&] { return backend->accepted() == 1; }));
  client->send("a NOOP\r\n");
  for (int turn = 0; turn < 20; ++turn) {
    loop.run_once(1);
  }
  fire();
  EXPECT_EQ(gateway().ended(), 0U) << "it is there";
  client->finish();
  for (int turn = 0; turn < 20; ++turn) {
    loop.run_once(1);
  }
  fire();
  EXPECT_EQ(gateway().ended(EndReason::ClientClosed), 1U);
  EXPECT_TRUE(until([&] { return backend->open() == 0; }));
}

TEST_F(SessionTest, GivesAClientThatHasSpokenBeforeTheBackendItsWholeTime) {
  backend->options().greeting = "";
  secure();
  ASSERT_TRUE(until([&] { return backend->accepted() == 1; }));
  client->send("a NOOP\r\n");
  for (int turn = 0; turn < 20; ++turn) {
    loop.run_once(1);
  }
  backend->last().say("* OK ready\r\n");
  ASSERT_TRUE(hears("a OK done\r\n"));
  pass_ms(config.timeouts.login_ms - 1'000);
  EXPECT_EQ(gateway().ended(), 0U);
  pass_ms(config.timeouts.login_ms + 100);
  EXPECT_EQ(gateway().ended(EndReason::LoginTimeout), 1U);
}

TEST_F(SessionTest, NoticesThatAClientIsGoneWhileBytesOfItAreHeld) {
  relay();
  backend->options().answers = false;
  client->send("b LOGIN user secret\r\nc NOOP\r\n");
  ASSERT_TRUE(until([&] { return figure(Metric::ReadPauses, {index(Hop::Client)}) == 1; }));
  client->finish();
  EXPECT_TRUE(until([&] { return gateway().ended(EndReason::ClientClosed) == 1; }))
      << "within five seconds";
  EXPECT_TRUE(until([&] { return backend->open() == 0; }));
}

}  // namespace
}  // namespace postern
