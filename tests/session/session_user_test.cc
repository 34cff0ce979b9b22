// A session whose user decides about its backend.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/session/session_fixture.h"

namespace postern {
namespace {

class SessionUserTest : public SessionTest {
 protected:
  SessionUserTest() {
    config.backends.push_back({.name = "other", .servers = {other->host()}, .verify = {}});
    config.routes = {{.sni = "", .backend = 1, .user = "user"}};
  }
  // Sessions on any server.
  uint64_t held() {
    uint64_t sum = 0;
    for (const auto& pool : gateway().snapshot().pools) {
      sum += figure(Metric::BackendSessions, {pool->server(0).label});
    }
    return sum;
  }
  void greeted() {
    secure();
    ASSERT_TRUE(hears("] postern ready\r\n"));
  }

  std::unique_ptr<ScriptedBackend> other = std::make_unique<ScriptedBackend>(loop);
};

TEST_F(SessionUserTest, DialsNoServerBeforeALogin) {
  greeted();
  EXPECT_EQ(client->received(), "* OK [CAPABILITY IMAP4rev1] postern ready\r\n");
  say("a CAPABILITY", "a OK");
  EXPECT_EQ(backend->accepted() + other->accepted(), 0U);
  say("b LOGOUT", "b OK");
  EXPECT_TRUE(until([&] { return gateway().ended(EndReason::ClientLogout) == 1; }));
  client->finish();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(SessionUserTest, LeadsEachUserToTheOwnServer) {
  greeted();
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(other->last().heard(), "a LOGIN user secret\r\n");
  EXPECT_EQ(backend->accepted(), 0U);
  say("b NOOP", "b OK");
  client->finish();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(SessionUserTest, LeadsAUserWithoutARouteToTheDefaultOne) {
  starttls();
  say("a LOGIN bert secret", "a OK");
  EXPECT_EQ(client->received(), "a OK done\r\n") << "there is one greeting";
  EXPECT_EQ(other->accepted(), 0U);
}

TEST_F(SessionUserTest, GivesTheConnectionBackAfterARefusal) {
  greeted();
  say("a LOGIN user wrong", "a NO");
  EXPECT_TRUE(until([&] { return held() == 0 && other->open() == 0; }));
  say("b LOGIN user wrong", "b NO");
  say("c LOGIN bert secret", "c OK");
  EXPECT_EQ(held(), 1U);
  EXPECT_EQ(other->accepted(), 2U);
  EXPECT_EQ(backend->accepted(), 1U);
}

TEST_F(SessionUserTest, LeadsALoginThatCameWithARefusedOneToItsOwnServer) {
  greeted();
  client->send("a LOGIN user wrong\r\nb LOGIN bert secret\r\nc NOOP\r\n");
  ASSERT_TRUE(hears("c OK"));
  EXPECT_TRUE(client->heard("a NO")) << client->received();
  EXPECT_EQ(other->last().heard(), "a LOGIN user wrong\r\n");
  EXPECT_EQ(backend->last().heard(), "b LOGIN bert secret\r\nc NOOP\r\n");
  EXPECT_EQ(held(), 1U);
}

TEST_F(SessionUserTest, TakesAnotherUserAfterUnauthenticate) {
  greeted();
  say("a LOGIN user secret", "a OK");
  say("b UNAUTHENTICATE", "b OK");
  EXPECT_TRUE(until([&] { return held() == 0 && other->open() == 0; }));
  say("c NOOP", "c OK NOOP completed");
  say("d LOGIN bert secret", "d OK");
  EXPECT_EQ(backend->accepted(), 1U);
}

TEST_F(SessionUserTest, SaysThatTheServerIsAwayAndNotThatThePasswordIsWrong) {
  config.backends[1].servers = {closed_port.host()};
  greeted();
  client->forget();
  client->send("a LOGIN user secret\r\n");
  ASSERT_TRUE(hears("\r\n"));
  EXPECT_TRUE(client->received().starts_with("* BYE [UNAVAILABLE] ")) << client->received();
  EXPECT_EQ(gateway().ended(EndReason::BackendUnavailable), 1U);
}

TEST_F(SessionUserTest, LetsNobodyInWhoseServerAsksForNoPassword) {
  other->options().greeting = "* PREAUTH ready\r\n";
  greeted();
  client->send("a LOGIN user secret\r\n");
  EXPECT_TRUE(hears("* BYE [UNAVAILABLE]"));
  EXPECT_EQ(gateway().ended(EndReason::BackendViolation), 1U);
  EXPECT_EQ(other->last().heard(), "");
}

TEST_F(SessionUserTest, EndsWithAServerThatLeavesBeforeItAnswers) {
  other->options().answers = false;
  greeted();
  client->send("a LOGIN user secret\r\n");
  ASSERT_TRUE(until([&] { return other->accepted() == 1 && !other->last().heard().empty(); }));
  other->last().hang_up();
  EXPECT_TRUE(hears("* BYE [UNAVAILABLE] Lost the connection"));
  EXPECT_EQ(gateway().ended(EndReason::BackendClosed), 1U);
}

TEST_F(SessionUserTest, LeavesNothingWhenTheClientGoesWhileItsServerIsDialled) {
  other->options().greeting = "";
  greeted();
  client->send("a LOGIN user secret\r\n");
  ASSERT_TRUE(until([&] { return other->accepted() == 1; }));
  client->reset();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
  EXPECT_TRUE(until([&] { return other->open() == 0; }));
}

TEST_F(SessionUserTest, PassesOnAClientsEndAfterItsLogin) {
  other->options().lingers = true;
  greeted();
  client->send("a LOGIN user secret\r\n");
  client->finish();
  ASSERT_TRUE(until([&] { return other->accepted() == 1 && other->last().ended(); }));
  EXPECT_EQ(other->last().heard(), "a LOGIN user secret\r\n");
}

TEST_F(SessionUserTest, ShowsWhatServersHaveSaidThatTheyCanDo) {
  for (const auto& pool : gateway().snapshot().pools) {
    pool->server(0).health->note_capabilities(" IMAP4rev1 IDLE STARTTLS AUTH=PLAIN AUTH=CRAM-MD5");
  }
  secure();
  EXPECT_TRUE(hears("* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] postern ready\r\n"));
}

}  // namespace
}  // namespace postern
