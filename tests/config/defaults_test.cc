// The defaults that the reference prints are those that count.
#include <algorithm>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "proxy/config/config.h"
#include "proxy/config/control_groups.h"
#include "proxy/config/internal/draft.h"
#include "proxy/config/internal/table.h"
#include "proxy/config/internal/table_parts.h"
#include "proxy/config/values.h"

namespace postern {
namespace {

// A value that `row` allows and that is not `usual`.
std::string another(const config::Row& row, const std::string& usual) {
  std::string syntax(row.syntax);
  if (row.syntax == config::kDuration || syntax.starts_with("size")) {
    return row.syntax == config::kDuration ? "7m" : "9MiB";
  }
  if (syntax.starts_with("1% to")) {
    return "77%";
  }
  if (syntax.find(" to ") != std::string::npos) {
    return "77";
  }
  if (const size_t last = syntax.find(" or "); last != std::string::npos) {
    syntax.replace(last, 4, ", ");
  }
  std::istringstream words(syntax);
  for (std::string word; words >> word;) {
    word.resize(std::min(word.size(), word.find(',')));
    if (word != usual) {
      return word;
    }
  }
  return "";
}

std::string without_quotes(std::string text) {
  std::erase(text, '"');
  return text;
}

// Each row shows the very field that it reads into, so the default that is printed is the one that
// counts.
TEST(ConfigDefaults, AreShownFromWhereTheyAreKept) {
  size_t count = 0;
  for (const config::Row& row : config::table()) {
    if (row.show == nullptr) {
      EXPECT_EQ(config::default_of(row), "") << row.path;
      continue;
    }
    ++count;
    config::Draft draft = config::initial_draft();
    const std::string usual = without_quotes(row.show(draft));
    for (const std::string& value : {another(row, usual), usual}) {
      row.on_value(draft, {value, std::string(row.path)});
      EXPECT_EQ(without_quotes(row.show(draft)), value) << row.path;
    }
    EXPECT_TRUE(draft.diagnostics.ok()) << row.path;
  }
  EXPECT_EQ(count, 50U);
}

TEST(ConfigDefaults, AreThoseOfAFileThatDoesNotNameThem) {
  const auto parsed = Config::parse(
      "listeners: [{address: '127.0.0.1:993'}]\n"
      "tls: {certificates: [{chain: a.crt, key: a.key}]}\n"
      "backends: {legacy: {servers: [mail]}}\n",
      "p.yaml", "");
  ASSERT_TRUE(parsed);
  const Config& unset = parsed.value();
  EXPECT_EQ(unset.tls.policy.name, "intermediate");
  EXPECT_EQ(unset.timeouts.idle_ms, Timeouts().idle_ms);
  EXPECT_EQ(unset.limits.sessions, Limits().sessions);
  EXPECT_EQ(unset.workers, config::usable_processors());
}

TEST(ConfigDefaults, AreShownInTheLargestUnit) {
  EXPECT_EQ(config::show_duration(0), "0s");
  EXPECT_EQ(config::show_duration(1'500), "1500ms");
  EXPECT_EQ(config::show_duration(60'000), "1m");
  EXPECT_EQ(config::show_duration(1'860'000), "31m");
  EXPECT_EQ(config::show_duration(86'400'000), "1d");
  EXPECT_EQ(config::show_size(9 * kKiB), "9KiB");
  EXPECT_EQ(config::show_size(1024 * kMiB), "1GiB");
}

}  // namespace
}  // namespace postern
