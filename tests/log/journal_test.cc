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

TEST(Journal, CountsWhatHappensAgain) {
  Journal journal;
  for (int i = 0; i < 3; ++i) {
    journal.add("backend is down", "mail1:143");
    journal.add("backend serves again", "mail1:143");
  }
  const auto entries = journal.entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_STREQ(entries[0].event, "backend serves again");
  EXPECT_EQ(entries[0].times, 3U);
  EXPECT_LE(entries[0].first_s, entries[0].last_s);
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
