// A session that asks an HTTP service where its user is.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/session/session_fixture.h"
#include "tests/support/scripted_service.h"

namespace postern {
namespace {

class SessionLookupTest : public SessionTest {
 protected:
  SessionLookupTest() {
    config.backends.push_back({.name = "other", .servers = {other->host()}, .verify = {}});
    config.users.default_domain = "example.org";
    LookupConfig& lookup = config.users.lookup.emplace();
    lookup.host = service->host();
    lookup.authority = lookup.host.text();
    lookup.target = "/where";
    service->say_ok("other");
  }
  // The service and the other backend are of this loop, too.
  ~SessionLookupTest() override {
    crowd.clear();
    client.reset();
  }
  void greeted() {
    secure();
    ASSERT_TRUE(hears("] postern ready\r\n"));
  }
  // One more client, that logs in as soon as it may.
  void comes(const std::string& user) {
    auto& one =
        crowd.emplace_back(std::make_unique<GatewayClient>(loop, gateway().address(kImplicit)));
    ASSERT_TRUE(until([&] { return one->connected(); }));
    one->secure();
    ASSERT_TRUE(until([&] { return one->heard("] postern ready\r\n"); }));
    one->send("a LOGIN " + user + " secret\r\n");
  }
  uint64_t lookups(std::string_view result) {
    return figure(Metric::UserLookups, {gateway().labels().index_of(Label::LookupResult, result)});
  }
  void ends_with(std::string_view result) {
    greeted();
    client->forget();
    client->send("a LOGIN user secret\r\n");
    ASSERT_TRUE(hears("\r\n"));
    EXPECT_TRUE(client->received().starts_with("* BYE [UNAVAILABLE] ")) << client->received();
    EXPECT_EQ(gateway().ended(EndReason::LookupUnavailable), 1U);
    EXPECT_EQ(lookups(result), 1U) << result;
    EXPECT_EQ(backend->accepted() + other->accepted(), 0U);
    EXPECT_TRUE(until([&] { return service->open() == 0; }));
    client.reset();
    EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
  }

  std::unique_ptr<ScriptedBackend> other = std::make_unique<ScriptedBackend>(loop);
  std::unique_ptr<test::ScriptedService> service = std::make_unique<test::ScriptedService>(loop);
  std::vector<std::unique_ptr<GatewayClient>> crowd;
};

TEST_F(SessionLookupTest, LeadsAUserToTheBackendThatTheServiceNames) {
  greeted();
  say("a LOGIN User secret", "a OK");
  EXPECT_EQ(service->question(0), "GET /where HTTP/1.0\r\nHost: " + service->host().text() +
                                      "\r\nAuth-Method: none\r\nAuth-User: user@example.org\r\n"
                                      "Auth-Protocol: imap\r\nAuth-SSL: on\r\n"
                                      "Client-IP: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(other->last().heard(), "a LOGIN User secret\r\n");
  EXPECT_EQ(backend->accepted(), 0U);
  EXPECT_EQ(lookups("found"), 1U);
  client->finish();
  EXPECT_TRUE(until([&] { return gateway().at_rest(); }));
}

TEST_F(SessionLookupTest, LeadsAnUnknownUserToTheDefaultOne) {
  service->say("HTTP/1.0 200 OK\r\nAuth-Status: no such user\r\nAuth-Wait: 3\r\n\r\n");
  greeted();
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(other->accepted(), 0U);
  EXPECT_EQ(lookups("unknown"), 1U);
}

TEST_F(SessionLookupTest, LeadsAnUnknownUserByARouteOfTheDomain) {
  config.routes = {{.sni = "", .backend = 1, .user = "*@example.org"}};
  service->say("HTTP/1.0 200 OK\r\nAuth-Status: no such user\r\n\r\n");
  greeted();
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(other->accepted(), 1U);
}

TEST_F(SessionLookupTest, AsksNothingAboutAUserWithARoute) {
  config.routes = {{.sni = "", .backend = 0, .user = "user@example.org"}};
  greeted();
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(service->asked(), 0U);
  EXPECT_EQ(other->accepted(), 0U);
}

TEST_F(SessionLookupTest, AsksNothingAboutANameThatNoUserHas) {
  greeted();
  say("a LOGIN \"two words\" secret", "a OK");
  EXPECT_EQ(service->asked(), 0U);
  EXPECT_EQ(other->accepted(), 0U);
}

TEST_F(SessionLookupTest, KeepsAnAnswer) {
  greeted();
  say("a LOGIN user wrong", "a NO");
  service->say_ok("pool");
  say("b LOGIN USER@Example.org secret", "b OK");
  EXPECT_EQ(other->accepted(), 2U);
  EXPECT_EQ(service->asked(), 1U);
  EXPECT_EQ(lookups("cached"), 1U);
}

TEST_F(SessionLookupTest, AsksAgainWhereNothingIsKept) {
  config.users.lookup->cache_ms = 0;
  greeted();
  say("a LOGIN user wrong", "a NO");
  service->say_ok("pool");
  say("b LOGIN user secret", "b OK");
  EXPECT_EQ(other->accepted(), 1U);
  EXPECT_EQ(backend->accepted(), 1U);
  EXPECT_EQ(service->asked(), 2U);
}

TEST_F(SessionLookupTest, AsksOnceForAllWhoWaitForOneUser) {
  service->say("");
  for (int i = 0; i < 5; ++i) {
    comes("user");
  }
  ASSERT_TRUE(until([&] { return service->was_asked("user@example.org"); }));
  service->say_ok("other");
  service->answer_all();
  EXPECT_TRUE(until([&] { return other->accepted() == 5; }));
  EXPECT_EQ(service->asked(), 1U);
  EXPECT_EQ(lookups("found"), 1U);
}

TEST_F(SessionLookupTest, LeavesWhatNobodyWaitsFor) {
  service->say("");
  comes("user");
  comes("user");
  ASSERT_TRUE(until([&] { return service->was_asked("user@example.org"); }));
  crowd.front()->reset();
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  EXPECT_EQ(service->open(), 1U) << "the other one waits still";
  crowd.back()->reset();
  EXPECT_TRUE(until([&] { return service->open() == 0 && gateway().at_rest(); }));
}

TEST_F(SessionLookupTest, ReportsAServiceThatIsNotThere) {
  config.users.lookup->host = closed_port.host();
  ends_with("unreachable");
}

TEST_F(SessionLookupTest, ReportsAServiceThatIsSlow) {
  service->say("");
  config.users.lookup->timeout_ms = 50;
  ends_with("timed_out");
}

TEST_F(SessionLookupTest, ReportsAServiceThatCannotAnswer) {
  service->say("HTTP/1.0 500 Oops\r\nAuth-Status: OK\r\nAuth-Backend: other\r\n\r\n");
  ends_with("service_failed");
}

TEST_F(SessionLookupTest, ReportsGarbage) {
  service->say("+OK POP3 ready\r\n");
  ends_with("invalid_answer");
}

TEST_F(SessionLookupTest, ReportsAnAnswerThatIsTooLarge) {
  service->say("HTTP/1.0 200 OK\r\nAuth-Status: OK\r\n\r\n" + std::string(kMiB, 'x'));
  ends_with("answer_too_large");
}

TEST_F(SessionLookupTest, ReportsABackendThatThereIsNot) {
  service->say_ok("elsewhere");
  ends_with("unknown_backend");
}

TEST_F(SessionLookupTest, TriesTheNextLoginAfterAFailure) {
  service->say("HTTP/1.0 500 Oops\r\n\r\n");
  ends_with("service_failed");
  service->say_ok("other");
  greeted();
  say("a LOGIN user secret", "a OK");
  EXPECT_EQ(other->accepted(), 1U) << "no failure is kept";
}

TEST_F(SessionLookupTest, DrainsAfterTheLoginThatIsLookedUp) {
  service->say("");
  greeted();
  client->send("a LOGIN user secret\r\n");
  ASSERT_TRUE(until([&] { return service->was_asked("user@example.org"); }));
  gateway().drain();
  service->say_ok("other");
  service->answer_all();
  ASSERT_TRUE(hears("* BYE [UNAVAILABLE]"));
  EXPECT_TRUE(client->heard("a OK")) << client->received();
  EXPECT_EQ(gateway().ended(EndReason::Drained), 1U);
}

}  // namespace
}  // namespace postern
