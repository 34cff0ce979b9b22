#include "proxy/server/admin_endpoint.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/admin_fixture.h"

namespace postern {
namespace {

TEST_F(AdminTest, ServesTheFigures) {
  Client& client = connect();
  client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(run_until(loop, [&] { return client.heard("figures 1\n"); }));
  EXPECT_TRUE(client.heard("HTTP/1.1 200 "));
  EXPECT_EQ(source.requests, std::vector<std::string>{"/metrics 200"});
}

TEST_F(AdminTest, SaysWhenItIsNotReadyAndWhy) {
  source.is_ready = false;
  Client& client = connect();
  client.send("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(run_until(loop, [&] { return client.heard("draining\n"); }));
  EXPECT_TRUE(client.heard("HTTP/1.1 503 "));
}

TEST_F(AdminTest, AnswersPipelinedRequestsInOrderHoweverTheyAreCut) {
  const std::string requests =
      "GET /live HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (const size_t cut : {size_t{1}, size_t{20}, size_t{33}, size_t{34}, size_t{100}}) {
    source.requests.clear();
    Client& client = connect();
    client.send(requests.substr(0, cut));
    loop.run_once(10);  // the first part is read by itself
    client.send(requests.substr(cut));
    EXPECT_TRUE(closes(client)) << cut;
    EXPECT_EQ(source.requests, (std::vector<std::string>{"/live 200", "other 404", "/metrics 200"}))
        << cut;
    client.stream->finish();
  }
}

TEST_F(AdminTest, DeliversALongPageToASlowReader) {
  source.page = std::string(8 * kMiB, 'x') + "the end\n";
  Client& client = connect();
  client.stream->pause();
  client.send("GET /metrics HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return source.requests.size() == 1; }));
  client.stream->resume();
  EXPECT_TRUE(run_until(
      loop, [&] { return client.heard("the end\n"); }, 20'000));
}

TEST_F(AdminTest, EndsARequestThatTakesTooLong) {
  Client& client = served();
  client.send("GET /metrics HT");
  loop.run_once(10);
  client.send("TP/1.1\r\n");  // more bytes buy no more time
  loop.run_once(10);
  pass_ms(9'000);
  EXPECT_FALSE(client.over());
  pass_ms(10'200);
  EXPECT_TRUE(closes(client));
  EXPECT_EQ(source.requests.size(), 1U);
}

TEST_F(AdminTest, EndsAConnectionThatNeverAsks) {
  Client& silent = connect();
  Client& other = served();  // accepted after it
  pass_ms(10'200);
  EXPECT_TRUE(closes(silent));
  EXPECT_FALSE(other.over()) << "a client that waits between scrapes may wait longer";
}

TEST_F(AdminTest, KeepsAConnectionBetweenScrapesAndEndsItAtLast) {
  Client& client = served();
  pass_ms(140'000);
  EXPECT_FALSE(client.over());
  client.send("GET /live HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(run_until(loop, [&] { return client.heard("ok\n"); }));
  pass_ms(300'000);
  EXPECT_TRUE(closes(client));
}

TEST_F(AdminTest, ClosesAfterTheLastRequestOnceTheClientHas) {
  Client& client = connect();
  client.send("GET /live HTTP/1.1\r\nHost: a\r\n\r\n");
  client.stream->finish();
  EXPECT_TRUE(closes(client));
  EXPECT_TRUE(client.heard("ok\n"));
}

TEST_F(AdminTest, ManySilentClientsOfOneAddressLeaveRoomForOthers) {
  Client& between_scrapes = served();
  strangers("127.0.0.2", 2 * Admin::kMaxConnections);
  EXPECT_FALSE(served().over());
  EXPECT_FALSE(between_scrapes.over());
  EXPECT_EQ(living_strangers(), Admin::kMaxOfAddress);
}

TEST_F(AdminTest, TheOldestUnfinishedRequestGivesWay) {
  Client& between_scrapes = served();
  for (int i = 2; i < 10; ++i) {
    strangers("127.0.0." + std::to_string(i), Admin::kMaxOfAddress);
  }
  EXPECT_FALSE(served().over());
  EXPECT_FALSE(between_scrapes.over());
  EXPECT_EQ(living_strangers(), Admin::kMaxConnections - 2);
}

TEST_F(AdminTest, AClientBetweenTwoRequestsGivesWayLast) {
  for (size_t i = 0; i < Admin::kMaxOfAddress; ++i) {
    served();
  }
  served();
  EXPECT_TRUE(closes(*clients.front())) << "the oldest of its address";
}

TEST_F(AdminTest, DropsLittleOfWhatFollowsTheLastRequest) {
  Client& client = connect();
  client.send("nonsense\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return client.heard("400"); }));
  const std::string more(16 * kKiB, 'x');
  for (int i = 0; i < 1'000 && !client.saw.failed(); ++i) {
    client.send(more);
    loop.run_once(1);
  }
  EXPECT_TRUE(client.saw.failed()) << "it was reset";
}

TEST_F(AdminTest, EndsAConnectionThatSendsItsRequestsInOctets) {
  Client& client = served();
  client.send("GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
  for (int i = 0; i < 2'000 && !client.over(); ++i) {
    client.send("x");
    loop.run_once(1);
  }
  EXPECT_TRUE(client.over());
  EXPECT_EQ(source.requests.size(), 1U) << "the second one has no end";
}

TEST_F(AdminTest, HandsActionsInWithTheirCaller) {
  Client& client = connect();
  client.send("POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(run_until(loop, [&] { return client.heard("done\n"); }));
  EXPECT_EQ(desk.asked, std::vector<std::string>{"/v1/reload 127.0.0.1 secured"});
}

TEST_F(AdminTest, GoesOnAfterAnAnswerThatTookAWhile) {
  desk.answers_later = true;
  Client& client = connect();
  client.send(
      "POST /v1/end-sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
      "GET /live HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return desk.later != nullptr; }));
  client.send("GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  loop.run_once(10);
  EXPECT_TRUE(source.requests.empty());
  desk.later({metrics::HttpStatus::Ok, "ended\n"});
  EXPECT_TRUE(closes(client));
  EXPECT_LT(client.saw.received.find("ended\n"), client.saw.received.find("ok\n"));
  EXPECT_EQ(source.requests,
            (std::vector<std::string>{"/v1/end-sessions 200", "/live 200", "/ready 200"}));
}

TEST_F(AdminTest, SurvivesAnAnswerToAClientThatHasGone) {
  desk.answers_later = true;
  Client& client = connect();
  client.send("POST /v1/end-sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return desk.later != nullptr; }));
  pass_ms(10'200);
  EXPECT_TRUE(closes(client)) << "no action takes so long";
  loop.run_once(0);
  desk.later({metrics::HttpStatus::Ok, "ended\n"});
  EXPECT_FALSE(served().over());
}

TEST_F(AdminTest, EndsAllConnectionsWhenClosed) {
  Client& client = served();
  admin->close();
  EXPECT_TRUE(closes(client));
}

}  // namespace
}  // namespace postern
