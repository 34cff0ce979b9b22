#include "proxy/admin/admin_http.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/admin/admin_http_fixture.h"

namespace postern::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::StartsWith;
using Step = AdminHttp::Step;

// The answer to `input` is `code` alone, and the connection closes.
void expect_refusal(std::string_view input, int code) {
  const Exchange outcome = feed(input);
  EXPECT_THAT(outcome.out, StartsWith("HTTP/1.1 " + std::to_string(code) + " ")) << input;
  EXPECT_THAT(outcome.out, HasSubstr("\r\nConnection: close\r\n")) << input;
  EXPECT_EQ(outcome.step, Step::Close) << input;
  ASSERT_EQ(outcome.requests.size(), 1U) << input;
  EXPECT_EQ(outcome.requests[0].second, code) << input;
}

TEST(AdminHttp, ServesMetrics) {
  const Exchange outcome = feed(get("/metrics"));
  EXPECT_EQ(outcome.out,
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            "Content-Length: 5\r\n"
            "Cache-Control: no-store\r\n"
            "\r\n"
            "up 1\n");
  EXPECT_EQ(outcome.step, Step::More);
  EXPECT_TRUE(outcome.between_requests);
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/metrics", 200)));
}

TEST(AdminHttp, ServesMetricsInTheFormThatIsAskedFor) {
  const std::string open = feed(get("/metrics",
                                    "accept: text/plain;q=0.5\r\nAccept: application/"
                                    "openmetrics-text ; version=1.0.0\r\n"))
                               .out;
  EXPECT_THAT(open, HasSubstr("\r\nContent-Type: application/openmetrics-text; version=1.0.0; "
                              "charset=utf-8\r\nContent-Length: "));
  const std::string small = feed(get("/metrics", "Accept-Encoding: deflate, gzip\r\n")).out;
  EXPECT_THAT(small, HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                               "Content-Encoding: gzip\r\n"));
  const std::string live = feed(get("/live", "Accept-Encoding: gzip\r\n")).out;
  EXPECT_THAT(live, Not(HasSubstr("Content-Encoding")));
}

TEST(AdminHttp, ShowsTheStatusInTheFormThatIsAskedFor) {
  const Exchange page = feed(get("/status", "Accept: text/html,application/xml;q=0.9\r\n"));
  EXPECT_EQ(page.out,
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Content-Length: 24\r\n"
            "Cache-Control: no-store\r\n"
            "Content-Security-Policy: default-src 'none'\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Referrer-Policy: no-referrer\r\n"
            "Vary: Accept\r\n"
            "\r\n"
            "text/html; charset=utf-8");
  EXPECT_THAT(page.requests, ElementsAre(Pair("/status", 200)));
  const Exchange json = feed(get("/status", "Accept: application/json\r\n"));
  EXPECT_THAT(json.out, HasSubstr("\r\nContent-Type: application/json\r\n"));
  const Exchange direct = feed(get("/status.json"));
  EXPECT_THAT(direct.out, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(direct.requests, ElementsAre(Pair("/status.json", 200)));
}

TEST(AdminHttp, ForgetsWhatTheLastRequestAskedFor) {
  const Exchange outcome = feed(get("/metrics", "Accept-Encoding: gzip\r\n") + get("/metrics"));
  EXPECT_TRUE(outcome.out.ends_with("up 1\n"));
}

TEST(AdminHttp, SaysWhetherItIsLiveAndReady) {
  EXPECT_THAT(feed(get("/live")).out, HasSubstr("200 OK"));
  const Exchange ready = feed(get("/ready"));
  EXPECT_THAT(ready.out, HasSubstr("200 OK"));
  EXPECT_TRUE(ready.out.ends_with("\r\n\r\nok\n"));
}

TEST(AdminHttp, SaysWhyItIsNotReady) {
  FakeSource source;
  source.ready_health = {false, "no backend answers"};
  source.live_health = {false, "a worker is stuck"};
  const Exchange ready = feed(get("/ready"), source);
  EXPECT_THAT(ready.out, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(ready.out.ends_with("\r\n\r\nno backend answers\n"));
  EXPECT_EQ(ready.step, Step::More);
  EXPECT_THAT(feed(get("/live"), source).out, HasSubstr("\r\n\r\na worker is stuck\n"));
}

TEST(AdminHttp, ListsItsPaths) {
  const Exchange outcome = feed(get("/"));
  EXPECT_THAT(outcome.out, HasSubstr("200 OK"));
  for (const char* path : {"/metrics", "/live", "/ready"}) {
    EXPECT_THAT(outcome.out, HasSubstr(path));
  }
}

TEST(AdminHttp, AnswersNotFoundForOtherPaths) {
  const Exchange outcome = feed(get("/metrics/") + get("/favicon.ico"));
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("other", 404), Pair("other", 404)));
  EXPECT_EQ(outcome.step, Step::More);
}

TEST(AdminHttp, IgnoresTheQuery) {
  EXPECT_THAT(feed(get("/metrics?name[]=up&x=/live")).requests, ElementsAre(Pair("/metrics", 200)));
}

TEST(AdminHttp, UnderstandsTheAbsoluteForm) {
  EXPECT_THAT(feed(get("http://x:9143/ready?a")).requests, ElementsAre(Pair("/ready", 200)));
  EXPECT_THAT(feed(get("HTTP://x/live")).requests, ElementsAre(Pair("/live", 200)));
  EXPECT_THAT(feed(get("http://x")).requests, ElementsAre(Pair("/", 200)));
  EXPECT_THAT(feed(get("http://x?a=/live")).requests, ElementsAre(Pair("/", 200)));
}

TEST(AdminHttp, AnswersHeadWithoutBody) {
  const std::string with_body = feed(get("/metrics")).out;
  const Exchange outcome = feed("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(outcome.out, with_body.substr(0, with_body.size() - 5));
}

TEST(AdminHttp, AllowsOnlyGetAndHead) {
  const Exchange outcome =
      feed("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + get("/live"));
  EXPECT_THAT(outcome.out, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/metrics", 405), Pair("/live", 200)));
  EXPECT_THAT(feed("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").requests,
              ElementsAre(Pair("other", 405)));
}

TEST(AdminHttp, RefusesToOpenATunnel) {
  expect_refusal("CONNECT x:143 HTTP/1.1\r\nHost: x\r\n\r\na1 NOOP\r\n", 405);
}

TEST(AdminHttp, IgnoresUpgrade) {
  const Exchange outcome = feed(get("/live", "Connection: Upgrade\r\nUpgrade: h2c\r\n") + "more");
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/live", 200)));
  EXPECT_THAT(outcome.out, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(outcome.step, Step::Close);
}

TEST(AdminHttp, AnswersPipelinedRequestsInOrder) {
  const Exchange outcome = feed(get("/ready") + "\r\n" + get("/nothing") + get("/metrics"));
  EXPECT_THAT(outcome.requests,
              ElementsAre(Pair("/ready", 200), Pair("other", 404), Pair("/metrics", 200)));
  EXPECT_LT(outcome.out.find("ok\n"), outcome.out.find("not found\n"));
  EXPECT_LT(outcome.out.find("not found\n"), outcome.out.find("up 1\n"));
}

TEST(AdminHttp, ClosesWhenAsked) {
  const Exchange outcome = feed(get("/live", "Connection: close\r\n") + get("/ready"));
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/live", 200)));
  EXPECT_THAT(outcome.out, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(outcome.step, Step::Close);
}

TEST(AdminHttp, ClosesAfterHttp10UnlessAskedToKeepAlive) {
  const Exchange closed = feed("GET /live HTTP/1.0\r\n\r\n");
  EXPECT_EQ(closed.step, Step::Close);
  const Exchange kept = feed("GET /live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(kept.out, HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_EQ(kept.step, Step::More);
}

TEST(AdminHttp, LimitsTheRequestsOfAConnection) {
  std::string input;
  for (size_t i = 0; i <= AdminHttp::kMaxRequests; ++i) {
    input += get("/live");
  }
  const Exchange outcome = feed_pieces({input}, {});
  EXPECT_EQ(outcome.requests.size(), AdminHttp::kMaxRequests);
  EXPECT_EQ(outcome.step, Step::Close);
  const size_t announcement = outcome.out.find("Connection: close");
  EXPECT_EQ(outcome.out.find("HTTP/1.1", announcement), std::string::npos);
}

TEST(AdminHttp, ReadsAndDropsABody) {
  EXPECT_THAT(feed(get("/live", "Content-Length: 3\r\n") + "abc" + get("/ready")).requests,
              ElementsAre(Pair("/live", 200), Pair("/ready", 200)));
  EXPECT_THAT(
      feed(get("/live", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n" + get("/ready"))
          .requests,
      ElementsAre(Pair("/live", 200), Pair("/ready", 200)));
}

TEST(AdminHttp, AnswersContinueBeforeABody) {
  const std::string head = get("/live", "Content-Length: 3\r\nExpect: 100-Continue \r\n");
  EXPECT_EQ(feed(head).out, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(feed(head + "abc").out, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
  EXPECT_THAT(feed(get("/live", "Expect: 100-continue\r\n")).out, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(feed("GET /live HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n").out,
              IsEmpty());
}

TEST(AdminHttp, RefusesOtherExpectations) {
  expect_refusal(get("/live", "Expect: miracles\r\n"), 417);
}

TEST(AdminHttp, AnswersNoContinueBeforeABodyThatIsTooLarge) {
  expect_refusal(get("/live", "Content-Length: 65537\r\nExpect: 100-continue\r\n"), 413);
}

TEST(AdminHttp, LimitsABodyOfUnknownLength) {
  const std::string head = get("/live", "Transfer-Encoding: chunked\r\n");
  const std::string chunk = "1\r\na\r\n";
  std::string body;
  while (body.size() <= AdminHttp::kMaxBody) {
    body += chunk;
  }
  const Exchange outcome = feed_pieces({head, body}, {});
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/live", 413)));
  EXPECT_EQ(outcome.step, Step::Close);
}

TEST(AdminHttp, LimitsTheHeadToTheByte) {
  const std::string rest = "\r\n\r\n";
  std::string head = "GET /live HTTP/1.1\r\nHost: x\r\nPadding: ";
  head.resize(AdminHttp::kMaxHead - rest.size(), 'x');
  EXPECT_THAT(feed_pieces({head + rest}, {}).requests, ElementsAre(Pair("/live", 200)));
  const Exchange refused = feed_pieces({head + "x" + rest}, {});
  EXPECT_THAT(refused.out, StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(refused.step, Step::Close);
  EXPECT_THAT(refused.requests, ElementsAre(Pair("other", 431)));
}

TEST(AdminHttp, LimitsEmptyLinesBeforeARequest) {
  std::string lines;
  while (lines.size() <= AdminHttp::kMaxHead) {
    lines += "\r\n";
  }
  EXPECT_THAT(feed_pieces({lines}, {}).requests, ElementsAre(Pair("other", 431)));
}

TEST(AdminHttp, LimitsTheTarget) {
  const std::string longest = "/" + std::string(AdminHttp::kMaxTarget - 1, 'x');
  EXPECT_THAT(feed_pieces({get(longest)}, {}).requests, ElementsAre(Pair("other", 404)));
  const Exchange refused = feed_pieces({get(longest + "x")}, {});
  EXPECT_THAT(refused.requests, ElementsAre(Pair("other", 414)));
  EXPECT_EQ(refused.step, Step::Close);
}

TEST(AdminHttp, InsistsOnOneHost) {
  expect_refusal("GET /live HTTP/1.1\r\n\r\n", 400);
  expect_refusal(get("/live", "host: y\r\n"), 400);
  EXPECT_THAT(feed("GET /live HTTP/1.1\r\nHost:\r\n\r\n").requests,
              ElementsAre(Pair("/live", 200)));
}

TEST(AdminHttp, RefusesAmbiguousFraming) {
  expect_refusal(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400);
  expect_refusal(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
      "Content-Length: 3\r\n\r\n0\r\n\r\n",
      400);
  expect_refusal(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
      "Content-Length: 4\r\n\r\nabcd",
      400);
  expect_refusal("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 400);
  expect_refusal(get("/live", "Content-Length: -1\r\n"), 400);
  expect_refusal(get("/live", "Transfer-Encoding: chunked\r\n") + "x\r\n", 400);
}

TEST(AdminHttp, RefusesOtherVersions) {
  expect_refusal("GET /live HTTP/2.0\r\nHost: x\r\n\r\n", 505);
  expect_refusal("GET /live HTTP/3.7\r\nHost: x\r\n\r\n", 505);
  expect_refusal("GET /live\r\n\r\n", 505);
}

TEST(AdminHttp, ClosesOnWhatIsNotHttp1) {
  using namespace std::string_literals;
  for (const std::string& input :
       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s,
        "a1 LOGIN joe secret\r\n"s, "\0\0\0\0"s, "GET /live SMTP/1.0\r\n\r\n"s,
        get("/live", "Bad Name: x\r\n"), get("/live", "x: \0\r\n"s)}) {
    const Exchange outcome = feed(input);
    EXPECT_EQ(outcome.step, Step::Close) << input;
    ASSERT_EQ(outcome.requests.size(), 1U) << input;
    EXPECT_EQ(outcome.requests[0].first, "other") << input;
    EXPECT_THAT(outcome.out, HasSubstr("\r\nConnection: close\r\n")) << input;
  }
}

TEST(AdminHttp, SendsTheReasonOfARefusalAfterAHeadRequestToo) {
  const Exchange outcome = feed("HEAD /live HTTP/1.1\r\nHost: x\r\n\r\n\x16");
  EXPECT_TRUE(outcome.out.ends_with("\r\n\r\nBad Request\n")) << outcome.out;
}

TEST(AdminHttp, KnowsWhetherARequestIsUnderWay) {
  EXPECT_TRUE(feed("").between_requests);
  EXPECT_FALSE(feed("G").between_requests);
  EXPECT_FALSE(feed(get("/live", "Content-Length: 2\r\n") + "a").between_requests);
  EXPECT_TRUE(feed(get("/live", "Content-Length: 2\r\n") + "ab").between_requests);
}

}  // namespace
}  // namespace postern::admin
