#include "proxy/log/journal.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::log {
namespace {

TEST(Journal, HasTheLastEntryFirst) {
  Journal journal;
  EXPECT_TRUE(journal.entries().empty());
  journal.add("reloaded", "");
  journal.add("backend is down", "mail1:143", "backend_timed_out");
  const auto entries = journal.entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_STREQ(entries[0].event, "backend is down");
  EXPECT_EQ(entries[0].subject, "mail1:143");
  EXPECT_EQ(entries[0].text, "backend_timed_out");
  EXPECT_EQ(entries[0].times, 1U);
}

TEST(Journal, CountsWhatHappensAgainAndKeepsTheOrder) {
  Journal journal;
  journal.add("reloaded", "postern.yaml");
  journal.add("reloaded", "postern.yaml");
  journal.add("reload failed", "postern.yaml");
  journal.add("reloaded", "postern.yaml");
  const auto entries = journal.entries();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].times, 1U);
  EXPECT_STREQ(entries[1].event, "reload failed");
  EXPECT_EQ(entries[2].times, 2U);
}

TEST(Journal, LetsAServerThatComesAndGoesPushOutItselfAlone) {
  Journal journal;
  journal.add("reloaded", "postern.yaml");
  for (int i = 0; i < 100; ++i) {
    journal.add("backend is down", "mail1:143", std::to_string(i));
    journal.add("backend serves again", "mail1:143");
  }
  const auto entries = journal.entries();
  ASSERT_EQ(entries.size(), 2 * Journal::kMostAlike + 1);
  EXPECT_EQ(entries[1].text, "99");
  EXPECT_STREQ(entries.back().event, "reloaded");
}

TEST(Journal, IsBounded) {
  Journal journal;
  for (size_t i = 0; i < 3 * Journal::kMost; ++i) {
    journal.add("file changed", std::to_string(i));
  }
  EXPECT_EQ(journal.entries().size(), Journal::kMost);
  EXPECT_EQ(journal.entries()[0].subject, std::to_string(3 * Journal::kMost - 1));
}

}  // namespace
}  // namespace postern::log
