#include "proxy/status/page.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/status/internal/html_writer.h"
#include "proxy/status/json.h"
#include "tests/status/record_fixture.h"

namespace postern {
namespace {

using test::calm_record;
using test::failure;
using test::kNowS;
using testing::HasSubstr;
using testing::Not;

// What a peer would send to have a reader's browser do something.
constexpr const char* kHostile =
    "<script>alert('1')</script>\"onload=\"x\r\n\x1b[31m\xe2\x80\xae&amp;";

// Everything that comes from a peer or a file is hostile.
StatusRecord hostile_record() {
  StatusRecord record = calm_record();
  record.process.unready = kHostile;
  record.listeners[0].address = kHostile;
  record.certificates[0].label = kHostile;
  record.certificates[0].names = {kHostile};
  record.certificates[0].lifetime = Lifetime::Ending;
  record.certificates[0].notice = kHostile;
  record.backends[0].name = kHostile;
  record.backends[0].servers[0].name = kHostile;
  record.policies[0].text = kHostile;
  record.stricter[0].last[0].server_name = kHostile;
  record.failures = {failure(Cause::BackendBye, kHostile)};
  record.failures[0].client = record.failures[0].server = record.failures[0].said = kHostile;
  record.recent = {{.last_s = kNowS,
                    .cause = Cause::BackendBye,
                    .client = kHostile,
                    .backend = kHostile,
                    .server = kHostile}};
  record.bans = {{.address = kHostile, .until_s = kNowS + 60}};
  record.changes = {{.first_s = kNowS,
                     .last_s = kNowS,
                     .times = 1,
                     .event = "backend is down",
                     .subject = kHostile,
                     .text = kHostile}};
  return record;
}

size_t count(const std::string& text, const std::string& of) {
  size_t found = 0;
  for (size_t at = text.find(of); at != std::string::npos; at = text.find(of, at + 1)) {
    ++found;
  }
  return found;
}

TEST(StatusPage, EscapesWhatItIsGiven) {
  const std::string page = status_page(hostile_record());
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\"onload")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
  EXPECT_GE(count(page, "&lt;script&gt;"), 15U);
  for (const char c : page) {
    EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << static_cast<int>(c);
  }
}

TEST(StatusPage, JsonEscapesWhatItIsGiven) {
  const std::string json = status_json(hostile_record());
  EXPECT_THAT(json, HasSubstr(R"(<script>alert('1')</script>\"onload=\"x\r\n)"));
  EXPECT_EQ(count(json, "\n"), 1U) << "one line";
  for (const char c : json) {
    EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << static_cast<int>(c);
  }
}

TEST(StatusPage, NeedsNothingButItself) {
  const std::string page = status_page(hostile_record());
  for (const char* word : {"src=", "http:", "https:", "@import", "url(", " style="}) {
    EXPECT_THAT(page, Not(HasSubstr(word)));
  }
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(status_page_policy(), HasSubstr("default-src 'none'; style-src 'sha256-"));
  EXPECT_THAT(status_page_policy(), Not(HasSubstr("unsafe")));
}

TEST(StatusPage, HasEachSection) {
  StatusRecord record = calm_record();
  record.failures = {failure(Cause::BackendConnectionRefused, "legacy")};
  record.recent = {{.last_s = kNowS - 60, .cause = Cause::Banned, .client = "198.51.100.7"}};
  record.bans = {{.address = "198.51.100.8", .until_s = kNowS + 600}};
  record.bans_begun = 12;
  record.changes = {{.first_s = kNowS - 3'000,
                     .last_s = kNowS - 2'400,
                     .times = 3,
                     .event = "backend is down",
                     .subject = "legacy mail1.internal:143",
                     .text = "backend_timed_out"}};
  const std::string page = status_page(record);
  for (const char* words : {"<!DOCTYPE html>",
                            "id=\"findings\"",
                            "id=\"failures\"",
                            "id=\"backends\"",
                            "id=\"certificates\"",
                            "id=\"tls\"",
                            "id=\"stricter\"",
                            "id=\"sessions\"",
                            "id=\"bans\"",
                            "id=\"changes\"",
                            "backend_connection_refused",
                            "Nothing listens at the server&#39;s",
                            "<code>servers</code>",
                            "192.0.2.2:143",
                            ">untried<",
                            "in 80 d",
                            "BoringSSL 0123abcd of",
                            "<b>7</b> of 100",
                            "198.51.100.9",
                            "<svg",
                            "198.51.100.8",
                            "in 10 min",
                            "40 min ago",
                            "backend_timed_out"}) {
    EXPECT_THAT(page, HasSubstr(words));
  }
}

TEST(StatusPage, IsWholeWithoutAnything) {
  const std::string page = status_page({});
  EXPECT_THAT(page, HasSubstr("All is well."));
  EXPECT_TRUE(page.ends_with("</body></html>\n"));
  EXPECT_THAT(status_json({}), HasSubstr("\"version\":1,"));
}

TEST(StatusPage, IsBounded) {
  StatusRecord record = calm_record();
  for (int i = 0; i < 5'000; ++i) {
    record.failures.push_back(failure(Cause::BackendBye, "b" + std::to_string(i)));
    record.failures.back().said = std::string(10'000, '<');
    record.bans.push_back({.address = "192.0.2.1", .until_s = kNowS + 1});
    record.backends.push_back(record.backends[0]);
    record.certificates[0].names.push_back("n" + std::to_string(i));
  }
  const std::string page = status_page(record);
  EXPECT_LT(page.size(), 1024U * 1024);
  EXPECT_THAT(page, HasSubstr("And 4900 more."));
  EXPECT_LT(status_json(record).size(), 1024U * 1024);
}

TEST(StatusPage, SaysTimesForPeople) {
  EXPECT_EQ(rough_time(0), "0 s");
  EXPECT_EQ(rough_time(119), "119 s");
  EXPECT_EQ(rough_time(120), "2 min");
  EXPECT_EQ(rough_time(7'199), "119 min");
  EXPECT_EQ(rough_time(7'200), "2 h");
  EXPECT_EQ(rough_time(3 * 86'400), "3 d");
  EXPECT_EQ(utc(kNowS), "2027-01-15 08:00:00 UTC");
  EXPECT_EQ(utc(INT64_MAX), "at a time beyond the calendar");
}

}  // namespace
}  // namespace postern
