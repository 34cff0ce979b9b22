// Actions, as the HTTP of the admin endpoint hands them on.
#include "proxy/admin/admin_action.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/admin/admin_http_fixture.h"

namespace postern::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;

std::string post(const std::string& action, const std::string& form,
                 const std::string& fields = "") {
  return "POST /v1/" + action + " HTTP/1.1\r\nHost: x\r\n" + fields +
         "Content-Length: " + std::to_string(form.size()) + "\r\n\r\n" + form;
}

TEST(AdminAction, HandsAnActionOn) {
  const Exchange outcome =
      feed(post("ban", "client=192.0.2.7", "authorization: bearer  abc123+/= \r\n") + get("/live"));
  EXPECT_THAT(outcome.asked, ElementsAre("ban [abc123+/=] client=192.0.2.7"));
  EXPECT_THAT(outcome.out, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 3\r\nCache-Control: no-store\r\n\r\n{}\n"));
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/v1/ban", 200), Pair("/live", 200)));
  EXPECT_THAT(feed(get("/v1/bans", "Accept: text/plain\r\n")).asked,
              ElementsAre("bans []  as text"));
}

TEST(AdminAction, WaitsForAnAnswerThatComesLater) {
  FakeSource source;
  const std::string input = post("end-sessions", "backend=a") + post("drain", "") + get("/live");
  const Exchange at_once = feed(input, source);
  source.answers_later = true;
  const Exchange later = feed(input, source);
  EXPECT_EQ(later, at_once);
  EXPECT_EQ(later.asked.size(), 2U);
}

TEST(AdminAction, ReadsATokenFromItsHeaderAlone) {
  for (const char* fields :
       {"", "Authorization: Basic abc\r\n", "Cookie: Authorization=Bearer abc\r\n",
        "Proxy-Authorization: Bearer abc\r\n", "Authorization:\r\n", "Authorization: Bearer\r\n"}) {
    EXPECT_THAT(feed(post("reload", "token=abc", fields)).asked, ElementsAre("reload [] token=abc"))
        << fields;
  }
  const std::string twice = "Authorization: Bearer abc\r\nAuthorization: Bearer abc\r\n";
  EXPECT_THAT(feed(post("reload", "", twice)).asked, ElementsAre("reload [abc,Bearer abc] "));
  EXPECT_THAT(feed(post("reload", "", "Authorization: Bearer abc\r\n") + post("reload", "")).asked,
              ElementsAre("reload [abc] ", "reload [] "));
}

TEST(AdminAction, ReadsNothingFromATrailer) {
  const std::string chunked =
      "POST /v1/log-level HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "b\r\nlevel=debug\r\n0\r\n";
  EXPECT_THAT(feed(chunked + "Authorization: Bearer abc\r\nAccept: text/plain\r\nHost: y\r\n\r\n" +
                   get("/live"))
                  .asked,
              ElementsAre("log-level [] level=debug"));
}

TEST(AdminAction, AsksForATokenInWordsOfHttp) {
  FakeSource source;
  source.answer = {metrics::HttpStatus::Unauthorized, "{}\n"};
  const Exchange outcome = feed(post("reload", ""), source);
  EXPECT_THAT(outcome.out, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\r\nWWW-Authenticate: Bearer realm=\"postern\"\r\n"));
}

TEST(AdminAction, ActsByPostAlone) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    const Exchange outcome = feed(std::string(method) + " /v1/reload HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(outcome.requests, ElementsAre(Pair("/v1/reload", 405))) << method;
    EXPECT_THAT(outcome.out, HasSubstr("\r\nAllow: POST\r\n"));
    EXPECT_THAT(outcome.asked, IsEmpty());
  }
  const Exchange outcome = feed(post("bans", ""));
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/v1/bans", 405)));
  EXPECT_THAT(outcome.out, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(outcome.asked, IsEmpty());
}

TEST(AdminAction, NamesTheActionsThatThereAre) {
  const Exchange outcome = feed(post("explode", "a=b"));
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("other", 404)));
  EXPECT_THAT(outcome.out, HasSubstr("drain, undrain, end-sessions, bans, ban, unban, log-level, "
                                     "reload\n"));
}

TEST(AdminAction, LimitsAForm) {
  const std::string longest(4096, 'x');
  EXPECT_THAT(feed_pieces({post("ban", longest)}, {}).asked, ElementsAre("ban [] " + longest));
  const Exchange outcome = feed_pieces({post("ban", longest + "x"), post("ban", "a")}, {});
  EXPECT_THAT(outcome.requests, ElementsAre(Pair("/v1/ban", 413), Pair("/v1/ban", 200)));
  EXPECT_THAT(outcome.asked, ElementsAre("ban [] a"));
}

TEST(AdminAction, HasAName) {
  EXPECT_EQ(action_named("end-sessions"), metrics::AdminPath::EndSessions);
  EXPECT_EQ(action_named("reload"), metrics::AdminPath::Reload);
  for (const char* name : {"", "metrics", "other", "v1", "/v1/drain", "drain "}) {
    EXPECT_EQ(action_named(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace postern::admin
