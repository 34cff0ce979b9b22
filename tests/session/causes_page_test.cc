// docs/troubleshooting.md is made from the table of causes and from the values of metrics. Here,
// because this room sees all that have causes.
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/backend/dial_failure.h"
#include "proxy/backend/failure_cause.h"
#include "proxy/imap/violation.h"
#include "proxy/lookup/lookup_failure.h"
#include "proxy/net/failure.h"
#include "proxy/session/internal/client_cause.h"

namespace postern {
namespace {

std::string row(std::string_view label, Cause cause) {
  std::string text = "| `";
  text.append(label).append("` | [").append(name_of(cause)).append("](#");
  text.append(name_of(cause)).append(") |\n");
  return text;
}

// The rows of an enumeration, whose words may be shared.
template <typename E, typename CauseOf>
std::string rows(CauseOf cause_of) {
  std::string text;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < kCountOf<E>; ++i) {
    const auto value = static_cast<E>(i);
    if (seen.insert(name_of(value)).second) {
      text += row(name_of(value), cause_of(value));
    }
  }
  return text;
}

std::string rows(std::initializer_list<const ErrorDomain*> domains) {
  std::string text;
  std::set<std::string_view> seen;
  for (const ErrorDomain* domain : domains) {
    for (const ErrorRow& one : domain->rows) {
      const Error error{domain, "", one.code};
      const Cause cause =
          domain == &kLookupDomain ? cause_of_lookup(error) : cause_of_failure(error);
      const bool of_client = std::string_view(name_of(cause)).starts_with("client_");
      if (seen.insert(one.label).second && !of_client) {
        text += row(one.label, cause);
      }
    }
  }
  return text;
}

std::string table(std::string_view metric, std::string_view label, const std::string& rows) {
  std::string text = "\n### `";
  text.append(metric).append("` by `").append(label).append("`\n| `").append(label);
  return text + "` | cause |\n|---|---|\n" + rows;
}

std::string values_markdown() {
  std::string page = "\n## The causes behind the values of metrics\n";
  page += "A line of the log may know more than the metric, and has the narrower `cause`.\n";
  page += table("postern_sessions_total", "end_reason",
                rows<EndReason>([](EndReason reason) { return cause_of_end(reason, {}, {}); }));
  page += table("postern_handshake_failures_total", "reason",
                rows<tls::Failure>([](tls::Failure one) { return cause_of_handshake(one, {}); }));
  page += table("postern_backend_connects_total", "result",
                rows({&net::kNetDomain, &tls::kTlsDomain, &imap::kImapDomain, &kDialDomain}));
  std::string logins;
  for (size_t i = 1; i < kCountOf<imap::LoginResult>; ++i) {
    const auto result = static_cast<imap::LoginResult>(i);
    logins += row(name_of(result), cause_of_login(result));
  }
  page += table("postern_logins_total", "result", logins);
  return page + table("postern_user_lookups_total", "result", rows({&kLookupDomain}));
}

// `session_test --gtest_filter='CausesPage*'` prints the new text when the two differ.
TEST(CausesPage, IsWhatTheTableSays) {
  const std::string path = POSTERN_SOURCE "/docs/troubleshooting.md";
  std::ifstream file(path);
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string begin = "<!-- causes:begin -->\n";
  const size_t from = page.find(begin);
  const size_t to = page.find("<!-- causes:end -->");
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos && from < to)
      << path << " has no markers <!-- causes:begin --> and <!-- causes:end -->";
  const std::string text = causes_markdown() + values_markdown() + "\n";
  EXPECT_TRUE(page.substr(from + begin.size(), to - from - begin.size()) == text)
      << "Replace the text between the markers in " << path << " by:\n\n"
      << text;
}

// Labels that the gateway counts without a cause of their own would be "gateway_failed".
TEST(CausesPage, EachFailureOfTheSystemHasItsCause) {
  for (const ErrorRow& one : net::kNetDomain.rows) {
    const Error error{&net::kNetDomain, "", one.code};
    EXPECT_EQ(cause_of_failure(error) == Cause::GatewayFailed,
              std::string_view(one.label) == "canceled")
        << one.label;
  }
}

}  // namespace
}  // namespace postern
